package main

import (
	"strings"

	"github.com/charmbracelet/x/term"
)

// isTerminal reports whether a stream of run is a terminal. Anything without a
// file descriptor, a test's buffer say, is not.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(f.Fd())
}

// terminalWidth is the width of a terminal in columns, or 0 for anything else.
func terminalWidth(stream any) int {
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(f.Fd())
	if err != nil {
		return 0
	}
	return width
}

// asciiLocale reports whether the environment names a locale that is not UTF-8.
// One that names none, as containers often have it, gets UTF-8.
func asciiLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // as setlocale looks them up
		if v := strings.ToLower(getenv(name)); v != "" {
			return !strings.Contains(v, "utf-8") && !strings.Contains(v, "utf8")
		}
	}
	return false
}

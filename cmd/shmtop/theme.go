package main

import (
	"io"

	"github.com/charmbracelet/lipgloss"
)

// theme is how things look on one output: lipgloss leaves out colours that the
// output, or NO_COLOR, does not take. No meaning rests on colour alone.
type theme struct {
	glyphs
	plain, dim, head, title, focus, key, line lipgloss.Style
	ok, warn, bad                             lipgloss.Style
}

// glyphs are the characters that pictures are made of.
type glyphs struct {
	full, half, empty string    // a bar's parts; half may be missing
	levels            [8]string // of a sparkline, lowest first
	gap               string    // a sparkline's column without reading
	mark              string    // the selected row
	dot, alarm, sep   string
	ellipsis, rule    string
	more, less        string // rows beyond the upper and lower edge
}

var (
	unicodeGlyphs = glyphs{
		full: "━", half: "╸", empty: "─",
		levels: [8]string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, gap: " ",
		mark: "▸", dot: "●", alarm: "▲", sep: "·", ellipsis: "…", rule: "─", more: "↑", less: "↓",
	}
	asciiGlyphs = glyphs{
		full: "#", empty: "-",
		levels: [8]string{"_", ".", ":", "-", "=", "+", "*", "#"}, gap: " ",
		mark: ">", dot: "*", alarm: "!", sep: "|", ellipsis: "~", rule: "-", more: "^", less: "v",
	}
)

func newTheme(out io.Writer, ascii bool) *theme {
	r := lipgloss.NewRenderer(out)
	color := func(light, dark string) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: light, Dark: dark})
	}
	t := &theme{
		glyphs: unicodeGlyphs,
		plain:  r.NewStyle(),
		dim:    color("245", "242"),
		head:   color("240", "246"),
		title:  color("235", "252").Bold(true),
		focus:  color("25", "45").Bold(true),
		key:    color("25", "45"),
		line:   color("67", "74"),
		ok:     color("28", "78"),
		warn:   color("130", "214"),
		bad:    color("160", "203").Bold(true),
	}
	if ascii {
		t.glyphs = asciiGlyphs
	}
	return t
}

// fill colours a share of something bounded: the last fifth is a warning.
func (t *theme) fill(share float64) lipgloss.Style {
	switch {
	case share >= 0.95:
		return t.bad
	case share >= 0.8:
		return t.warn
	}
	return t.ok
}

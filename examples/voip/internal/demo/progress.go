package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	barWidth  = 24
	sparsely  = 2 * time.Second // between progress lines that cannot overwrite each other
	clearLine = "\r\x1b[K"
)

// progress shows one line that keeps changing, or, where that cannot be, a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	width    int
	shown    time.Time
	open     bool // a line is on the screen that the next one overwrites
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, width: 100}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			p.width = w
		}
	}
	return p
}

// sayf prints a line that stays.
func (p *progress) sayf(format string, args ...any) {
	p.end()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// showf shows how far things are, of 1.
func (p *progress) showf(done float64, note, format string, args ...any) {
	if !p.terminal && time.Since(p.shown) < sparsely {
		return
	}
	p.shown = time.Now()
	full := int(max(0, min(1, done)) * barWidth)
	line := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full) + " " + fmt.Sprintf(format, args...)
	if note != "" {
		line += "  " + note
	}
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	if r := []rune(line); len(r) >= p.width {
		line = string(r[:p.width-1])
	}
	fmt.Fprint(p.out, clearLine, line)
	p.open = true
}

// end leaves the line that is on the screen.
func (p *progress) end() {
	if p.open {
		fmt.Fprint(p.out, clearLine)
		p.open = false
	}
}

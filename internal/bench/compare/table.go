package compare

import (
	"fmt"
	"io"
	"math"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"

	"github.com/rvoip/shmbus/internal/bench/units"
)

// Write shows the comparison as tables, one for each pair.
func (r *Result) Write(w io.Writer, a, b string) {
	fmt.Fprintf(w, "A: %s\nB: %s\n", a, b)
	cell := lipgloss.NewStyle().Padding(0, 1)
	for _, p := range r.Pairs {
		fmt.Fprintf(w, "\n%s\n", p.Name)
		t := table.New().Border(lipgloss.RoundedBorder()).
			Headers("", "A", "B", "change", "95 % interval", "p", "").
			StyleFunc(func(_, col int) lipgloss.Style {
				if col >= 1 && col <= 5 {
					return cell.Align(lipgloss.Right)
				}
				return cell
			})
		for _, f := range p.Figures {
			t.Row(f.Name, f.A.text(f.unit), f.B.text(f.unit), f.change(), f.bounds(), f.p(), f.verdict())
		}
		fmt.Fprintln(w, t.String())
	}
	list(w, "only in A:", r.OnlyA)
	list(w, "only in B:", r.OnlyB)
	list(w, "note:", r.Notes)
}

func list(w io.Writer, what string, lines []string) {
	for _, l := range lines {
		fmt.Fprintf(w, "\n%s %s", what, l)
	}
	if len(lines) > 0 {
		fmt.Fprintln(w)
	}
}

// text is a median, and how far the true one may be from it in percent.
func (s Summary) text(u unit) string {
	v := fmt.Sprintf("%.2f", s.Median)
	switch u {
	case perSecond:
		v = units.SI(s.Median) + string(u)
	case nanos:
		v = units.NS(s.Median)
	}
	if s.Bounds == nil {
		return v + " ± ∞"
	}
	off := max(s.Bounds.High-s.Median, s.Median-s.Bounds.Low)
	return fmt.Sprintf("%s ± %.0f %%", v, 100*off/s.Median)
}

func (f *Figure) change() string {
	switch f.Verdict {
	case Same:
		return "~"
	case TooFew:
		return "?"
	}
	return percent(f.Change)
}

func (f *Figure) bounds() string {
	if f.Bounds == nil {
		return ""
	}
	return percent(f.Bounds.Low) + " … " + percent(f.Bounds.High)
}

func percent(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("x %.1f", 1+v/100)
	}
	return fmt.Sprintf("%+.1f %%", v)
}

func (f *Figure) p() string {
	if f.P < 0.001 {
		return fmt.Sprintf("<0.001 n=%s", f.runs())
	}
	return fmt.Sprintf("%.3f n=%s", f.P, f.runs())
}

func (f *Figure) runs() string {
	if f.A.Runs == f.B.Runs {
		return fmt.Sprint(f.A.Runs)
	}
	return fmt.Sprintf("%d+%d", f.A.Runs, f.B.Runs)
}

func (f *Figure) verdict() string {
	if f.Verdict == Same {
		return ""
	}
	return f.Verdict
}

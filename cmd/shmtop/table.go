package main

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
)

// column describes one column of a table.
type column struct {
	title string
	right bool // align to the right, as numbers are
	min   int  // width it needs; default what its cells need
	grow  int  // share of the room that is left over; 0 takes none
	max   int  // width up to which it grows; default without bound
	hide  bool // leave it out
	drop  int  // the columns with the highest drop leave first when it gets narrow; 0 stays
}

// cell is a text in a style, or something drawn to fit the column's width.
type cell struct {
	text  string
	style lipgloss.Style
	draw  func(width int) string
}

func (c cell) width() int { return ansi.StringWidth(c.text) }

// table lays out rows of cells. It knows nothing of what they mean.
type table struct {
	columns []column
	rows    [][]cell
}

const gutter = 2 // columns left of a row, for the mark of the selected one

// lines draws the header and rows from first on, at most count of them, in width
// columns; width 0 means as wide as needed. selected is the marked row or -1.
func (t *table) lines(th *theme, width, first, count, selected int) []string {
	widths := t.layout(width)
	out := make([]string, 0, count+1)
	head := make([]cell, len(t.columns))
	for i, c := range t.columns {
		head[i] = cell{text: c.title, style: th.head}
	}
	out = append(out, t.line(th, widths, head, strings.Repeat(" ", gutter)))
	for i := first; i < len(t.rows) && i < first+count; i++ {
		mark := strings.Repeat(" ", gutter)
		if i == selected {
			mark = th.focus.Render(th.mark) + " "
		}
		out = append(out, t.line(th, widths, t.rows[i], mark))
	}
	return out
}

func (t *table) line(th *theme, widths []int, cells []cell, mark string) string {
	var b strings.Builder
	b.WriteString(mark)
	between := ""
	for i, c := range cells {
		w := widths[i]
		if w == 0 {
			continue
		}
		b.WriteString(between)
		between = " "
		if c.draw != nil {
			b.WriteString(c.draw(w))
			continue
		}
		text := ansi.Truncate(c.text, w, th.ellipsis)
		pad := strings.Repeat(" ", max(0, w-ansi.StringWidth(text)))
		if t.columns[i].right {
			b.WriteString(pad + c.style.Render(text))
		} else {
			b.WriteString(c.style.Render(text) + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// layout decides the width of each column; 0 leaves it out.
func (t *table) layout(width int) []int {
	need := make([]int, len(t.columns)) // least width
	want := make([]int, len(t.columns)) // width that shows all of it
	for i, c := range t.columns {
		if c.hide {
			continue
		}
		want[i] = max(ansi.StringWidth(c.title), c.min)
		for _, r := range t.rows {
			want[i] = max(want[i], r[i].width())
		}
		need[i] = want[i]
		if c.grow > 0 && c.min > 0 {
			need[i] = c.min
		}
		if c.max > 0 {
			want[i] = min(want[i], max(c.max, need[i]))
		}
	}
	if width == 0 {
		return want
	}
	room := width - gutter
	for t.total(need) > room && t.dropOne(need) {
	}
	spare := room - t.total(need)
	for i := range need { // first what the cells hold, from the left
		if need[i] > 0 && spare > 0 {
			more := min(spare, want[i]-need[i])
			need[i] += more
			spare -= more
		}
	}
	t.grow(need, spare)
	return need
}

func (t *table) total(widths []int) int {
	sum := -1 // no gap before the first
	for _, w := range widths {
		if w > 0 {
			sum += w + 1
		}
	}
	return max(sum, 0)
}

func (t *table) dropOne(widths []int) bool {
	found := -1
	for i, c := range t.columns {
		if widths[i] > 0 && c.drop > 0 && (found < 0 || c.drop > t.columns[found].drop) {
			found = i
		}
	}
	if found < 0 {
		return false
	}
	widths[found] = 0
	return true
}

// grow gives what is left to the columns that take it, by their shares.
func (t *table) grow(widths []int, spare int) {
	for spare > 0 {
		shares := 0
		for i, c := range t.columns {
			if t.grows(widths[i], c) {
				shares += c.grow
			}
		}
		if shares == 0 {
			return
		}
		given := 0
		for i, c := range t.columns {
			if !t.grows(widths[i], c) {
				continue
			}
			more := max(1, spare*c.grow/shares)
			if c.max > 0 {
				more = min(more, c.max-widths[i])
			}
			more = min(more, spare-given)
			widths[i] += more
			given += more
		}
		if given == 0 {
			return
		}
		spare -= given
	}
}

func (t *table) grows(width int, c column) bool {
	return width > 0 && c.grow > 0 && (c.max == 0 || width < c.max)
}

package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
)

// writeTable writes everything as Markdown.
func (b *board) writeTable(w io.Writer, o Options, missing []conduct.Peer, troubles []error) error {
	p := &printer{w: w}
	m := conduct.ThisMachine()
	p.f("# The bus beside what one could use in its place\n\n")
	p.f("%s on %s, %d processors (%s). Medians of %d rounds of %v each, interleaved; every event is written whole and checked by every subscriber.\n\n",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), m.Kernel, m.CPUs, m.Model, b.rounds, o.Duration)
	p.f("Throughput is in million events a second that each subscriber got; one way, in nanoseconds, is half a round trip. **Bold** is the best of its column. ")
	p.f("A bare ring without any guarantee, measured in the same runs, is the yardstick of what shared memory can do.\n\n")
	for _, inProcess := range []bool{false, true} {
		b.group(p, inProcess)
	}
	b.remarks(p, missing, troubles)
	return p.err
}

func heading(inProcess bool) string {
	if inProcess {
		return "Within one process"
	}
	return "Between processes"
}

// members are the rows of a group that have any of the cells.
func (b *board) members(inProcess bool) []int {
	var rows []int
	for i, who := range b.rows {
		ran := slices.ContainsFunc(b.results[i], func(r *outcome) bool { return r != nil })
		if ran && who.peer().InProcess == inProcess {
			rows = append(rows, i)
		}
	}
	return rows
}

func (b *board) group(p *printer, inProcess bool) {
	rows := b.members(inProcess)
	if len(rows) == 0 {
		return
	}
	p.f("## %s\n\n| |", heading(inProcess))
	for _, c := range b.cells {
		p.f(" %s |", c.title())
	}
	p.f("\n| --- |%s\n", strings.Repeat(" --: |", len(b.cells)))
	for _, i := range rows {
		p.f("| %s |", b.rows[i].peer().Name)
		for j, c := range b.cells {
			p.f(" %s |", b.entry(i, j, c, b.best(rows, j, c) == i))
		}
		p.f("\n")
	}
	if !inProcess {
		p.f("| *bare ring* |")
		for j, c := range b.cells {
			p.f(" %s |", b.yardstick(j, c))
		}
		p.f("\n")
	}
	p.f("\n")
}

// best is the row with the best figure of a column, or -1.
func (b *board) best(rows []int, j int, c cell) int {
	best, figure := -1, 0.0
	for _, i := range rows {
		m, ok := b.results[i][j].median(c)
		if !ok {
			continue
		}
		x := m.figure(c)
		if best < 0 || c.isLatency() == (x < figure) && x != figure {
			best, figure = i, x
		}
	}
	return best
}

func (b *board) entry(i, j int, c cell, best bool) string {
	r := b.results[i][j]
	m, ok := r.median(c)
	switch {
	case r == nil:
		return ""
	case !ok:
		return "failed"
	}
	text := number(c, m)
	if best {
		text = "**" + text + "**"
	}
	if m.Lost > 0 {
		text += fmt.Sprintf(" (%.1f %% lost)", 100*float64(m.Lost)/float64(m.Lost+m.Delivered))
	}
	return text
}

func number(c cell, f figures) string {
	if c.isLatency() {
		return fmt.Sprintf("%.0f / %.0f", f.Latency.P50, f.Latency.P99)
	}
	return millions(f.figure(c))
}

// millions has three digits that count.
func millions(perS float64) string {
	x := perS / 1e6
	switch {
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.4f", x)
}

// yardstick is the bare ring's figure, from the runs of the bus; it has one
// reader.
func (b *board) yardstick(j int, c cell) string {
	if c.subs != 1 {
		return ""
	}
	var all []float64
	for i, who := range b.rows {
		if !who.ours() || who.peer().InProcess || b.results[i][j] == nil {
			continue
		}
		for _, f := range b.results[i][j].all {
			switch {
			case f.Floor == nil:
			case c.isLatency():
				all = append(all, f.Floor.SPSC)
			case f.Floor.SPSCEvent > 0:
				all = append(all, 1e9/f.Floor.SPSCEvent)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	m := all[(len(all)-1)/2]
	if c.isLatency() {
		return fmt.Sprintf("%.0f", m)
	}
	return millions(m)
}

// remarks say what each row is, and what is not there.
func (b *board) remarks(p *printer, missing []conduct.Peer, troubles []error) {
	p.f("## What they are\n\n| | language | version | a batch is |\n| --- | --- | --- | --- |\n")
	for _, who := range b.rows {
		x := who.peer()
		p.f("| %s | %s | %s | %s |\n", x.Name, x.Language, x.Version, x.Batch)
	}
	p.f("\n")
	var notes []string
	for _, m := range missing {
		notes = append(notes, fmt.Sprintf("missing: %s: %s", m.Name, m.Missing))
	}
	for _, t := range troubles {
		notes = append(notes, t.Error())
	}
	for i, who := range b.rows {
		for j, c := range b.cells {
			r := b.results[i][j]
			if r == nil {
				continue
			}
			for _, why := range r.failed {
				notes = append(notes, fmt.Sprintf("failed: %s, %s: %s", who.peer().Name, c.title(), oneLine(why)))
			}
			if s := r.spread(c); s > wide {
				notes = append(notes, fmt.Sprintf("wide: %s, %s: the rounds lie %.0f %% of the median apart", who.peer().Name, c.title(), 100*s))
			}
		}
	}
	if len(notes) == 0 {
		return
	}
	p.f("## Remarks\n\n")
	for _, n := range notes {
		p.f("- %s\n", n)
	}
}

// wide is the spread from which on it is worth a remark.
const wide = 0.5

func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most] + " ..."
	}
	return s
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, a ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, a...)
	}
}

package report

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/units"
)

const (
	rowHeight   = 17
	groupHeight = 20
	labelWidth  = 180
	axisHeight  = 18
)

// row is a line of a chart of rows: a case.
type row struct {
	name string
	tone tone
	c    *runs.Case
}

// group is rows of the same shape, under their common name.
type group struct {
	name string
	rows []row
}

// groups puts cases of the same shape together, ours before the peers', and
// those in the order of their figures.
func groups(cs []*runs.Case) []group {
	var gs []group
	for _, c := range cs {
		shape := c.Config.Shape()
		i := slices.IndexFunc(gs, func(g group) bool { return g.name == shape })
		if i < 0 {
			gs = append(gs, group{name: shape})
			i = len(gs) - 1
		}
		r := row{name: "shmbus", tone: ours, c: c}
		if c.Peer != "" {
			r.name, r.tone = c.Peer, other
		}
		if c.Manner != "" {
			r.name += ", " + c.Manner
		}
		gs[i].rows = append(gs[i].rows, r)
	}
	for _, g := range gs {
		slices.SortStableFunc(g.rows, func(a, b row) int {
			if (a.c.Peer == "") != (b.c.Peer == "") {
				if a.c.Peer == "" {
					return -1
				}
				return 1
			}
			if a.c.Peer == "" {
				return 0
			}
			return better(b.c, a.c)
		})
	}
	return gs
}

// better orders cases by their figure, the worse first.
func better(a, b *runs.Case) int {
	x, y := a.Median(), b.Median()
	d := x.Figure() - y.Figure()
	if x.IsLatency() {
		d = -d
	}
	switch {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return 0
}

func rowsHeight(gs []group) vg.Length {
	h := vg.Length(axisHeight)
	for _, g := range gs {
		h += groupHeight + rowHeight*vg.Length(len(g.rows))
	}
	return h
}

// eachRow calls one with the base line of each row, and draws the names.
func eachRow(c draw.Canvas, gs []group, one func(r row, y vg.Length)) {
	y := c.Max.Y
	name := letters(ink, textSize)
	for _, g := range gs {
		y -= groupHeight
		c.FillText(bold(letters(quiet, textSize)), vg.Point{X: c.Min.X, Y: y + 5}, g.name)
		for _, r := range g.rows {
			y -= rowHeight
			c.FillText(name, vg.Point{X: c.Min.X, Y: y + 4}, fit(name, r.name, labelWidth-8))
			one(r, y)
		}
	}
}

// valueWidth is the room for figures right of the bars.
const valueWidth = 66

// measure is a figure that bars show.
type measure struct {
	get  func(*runs.Run) float64
	tick func(float64) string
	show func(float64) string
	// bare is the same figure of the bare ring, nil for none.
	bare func(*runs.Case) float64
}

var (
	rate    = measure{rateOf, shortRate, func(v float64) string { return units.SI(v) + "/s" }, bareRate}
	cpuTime = measure{(*runs.Run).CPUPerEventNS, shortNS, units.NS, nil}
	stall   = measure{func(r *runs.Run) float64 { return r.LongestStall }, shortNS, units.NS, nil}
)

// bars shows a figure of each case.
func bars(title, note string, cs []*runs.Case, m measure) *chart {
	cs = measured(cs, m.get)
	if len(cs) == 0 {
		return nil
	}
	gs := groups(cs)
	bare := func(c *runs.Case) float64 {
		if m.bare == nil {
			return 0
		}
		return m.bare(c)
	}
	top, peers, floors := 0.0, false, false
	for _, c := range cs {
		top = max(top, c.Range(m.get).High, bare(c))
		peers = peers || c.Peer != ""
		floors = floors || bare(c) > 0
	}
	ch := &chart{title: title, note: note, height: rowsHeight(gs), keys: []key{{"shmbus", ours, asBar}}}
	if peers {
		ch.keys = append(ch.keys, key{"others", other, asBar})
	}
	if floors {
		ch.keys = append(ch.keys, key{"bare ring of the same run, without any guarantee; to one reader, or to all of them, a process each", floor, asFloor})
	}
	ch.draw = func(c draw.Canvas) {
		x0, x1 := c.Min.X+labelWidth, c.Max.X-valueWidth
		at := func(v float64) vg.Length { return x0 + (x1-x0)*vg.Length(v/top) }
		rowAxis(c, gs, evenly{m.tick}, 0, top, at)
		eachRow(c, gs, func(r row, y vg.Length) {
			v := r.c.Range(m.get)
			box(c, r.tone, x0, y+2, at(v.Median), y+13)
			end := at(v.Median)
			if v.High > v.Low {
				whisker(c, at(v.Low), at(v.High), y+7.5)
				end = max(end, at(v.High))
			}
			label := bold(letters(ink, textSize))
			if b := bare(r.c); b > 0 {
				x := at(b)
				c.StrokeLine2(dashed(floor, 1.4), x, y, x, y+15)
				if x >= end-1 && x < end+label.Width(m.show(v.Median))+8 {
					end = x // the figure goes behind it
				}
			}
			c.FillText(label, vg.Point{X: end + 5, Y: y + 4}, m.show(v.Median))
		})
	}
	return ch
}

// measured are the cases that have a figure.
func measured(cs []*runs.Case, get func(*runs.Run) float64) []*runs.Case {
	var out []*runs.Case
	for _, c := range cs {
		if len(c.Values(get)) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// bareRate is what the bare ring moved a second, beside our runs: to as many readers
// where that was measured.
func bareRate(c *runs.Case) float64 {
	ns := c.Range(func(r *runs.Run) float64 {
		if r.Floor.FanEventNS > 0 {
			return r.Floor.FanEventNS
		}
		return r.Floor.SPSCEventNS
	}).Median
	if ns == 0 || c.Peer != "" {
		return 0
	}
	return 1e9 / ns
}

func whisker(c draw.Canvas, from, to, y vg.Length) {
	s := line(ink, 1)
	c.StrokeLine2(s, from, y, to, y)
	for _, x := range []vg.Length{from, to} {
		c.StrokeLine2(s, x, y-3, x, y+3)
	}
}

// rowAxis draws the scale under the rows, and lines up from it.
func rowAxis(c draw.Canvas, gs []group, ticks plot.Ticker, from, to float64, at func(float64) vg.Length) {
	bottom := c.Max.Y - rowsHeight(gs) + axisHeight
	for _, t := range ticks.Ticks(from, to) {
		if t.Label == "" {
			continue
		}
		x := at(t.Value)
		c.StrokeLine2(line(rule, 0.6), x, bottom, x, c.Max.Y-4)
		c.FillText(centred(letters(quiet, textSize)), vg.Point{X: x, Y: bottom - 12}, t.Label)
	}
}

package report

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// curve is one line of a chart of a figure against another.
type curve struct {
	name   string
	points []point
	floor  *tone // of what the machine could do, nil for others
}

// curveAxes say what a chart of curves has on its axes.
type curveAxes struct {
	x, y         string // names
	xName, yName func(float64) string
	yLog         bool
	floors       []level
}

// curves draws lines over a logarithmic scale that has a tick at each value that
// was measured.
func curves(title, note string, cs []curve, axes curveAxes) *chart {
	ch := &chart{title: title, note: note, height: plotHeight}
	p := grid(axes.x, axes.y)
	p.Add(rules{x: true, y: true})
	var xs, ys []float64
	for _, c := range cs {
		c.points = slices.DeleteFunc(slices.Clone(c.points), func(q point) bool { return q.x <= 0 || q.y <= 0 })
		if len(c.points) == 0 {
			continue
		}
		slices.SortFunc(c.points, func(a, b point) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
		l, shape := curveLine{tone: series[len(ch.keys)%len(series)], points: c.points}, asLine
		if c.floor != nil {
			l.tone, l.dashed, shape = *c.floor, true, asFloor
		}
		p.Add(l)
		ch.keys = append(ch.keys, key{c.name, l.tone, shape})
		for _, q := range c.points {
			xs, ys = append(xs, q.x), append(ys, q.y, q.low, q.high)
		}
	}
	if len(xs) == 0 {
		return nil
	}
	for _, f := range axes.floors {
		ys = append(ys, f.value)
		p.Add(f)
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	const margin = 1.12
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, at{thin(xs), axes.xName}
	p.X.Min, p.X.Max = xs[0]/margin, xs[len(xs)-1]*margin
	if axes.yLog {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{axes.yName}
		p.Y.Min, p.Y.Max = logRange(ys)
	} else {
		p.Y.Min, p.Y.Max = 0, slices.Max(ys)*1.08
		p.Y.Tick.Marker = evenly{axes.yName}
	}
	ch.draw = func(c draw.Canvas) { p.Draw(c) }
	return ch
}

// thin leaves out values that lie so close together on a logarithmic scale that
// their names would overlap.
func thin(xs []float64) []float64 {
	const most = 12
	least := xs[len(xs)-1] / xs[0]
	if len(xs) < 2 || least <= 1 {
		return xs
	}
	// A twelfth of the axis, as a factor.
	gap := math.Pow(least, 1.0/most)
	out := xs[:1:1]
	for _, x := range xs[1:] {
		if x/out[len(out)-1] >= gap*0.98 {
			out = append(out, x)
		}
	}
	return out
}

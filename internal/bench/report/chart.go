package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	chartWidth = 540
	plotHeight = 270 // of charts with two axes
	titleSize  = 12
	textSize   = 9
	lineHeight = 14
)

// chart is one drawing, as wide as all others.
type chart struct {
	title  string
	note   string // what the figures are, and what is drawn how
	keys   []key
	height vg.Length // of what is below title, note and legend
	draw   func(draw.Canvas)
}

// key is an entry of a legend.
type key struct {
	name  string
	tone  tone
	shape shape
}

type shape int

const (
	asBar shape = iota
	asLine
	asFloor
	asDot
)

// total is the height of the chart with all its parts.
func (c *chart) total() vg.Length { return c.head() + c.height }

func (c *chart) head() vg.Length {
	h := vg.Length(titleSize + 6)
	if c.note != "" {
		h += lineHeight
	}
	return h + vg.Length(len(c.rows()))*lineHeight + 6
}

// rows breaks the legend into lines.
func (c *chart) rows() [][]key {
	var rows [][]key
	x := vg.Length(0)
	for _, k := range c.keys {
		w := k.width()
		if len(rows) == 0 || x+w > chartWidth {
			rows, x = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], k)
		x += w
	}
	return rows
}

const keyWidth = 22 // of its sign, with the gap behind it

func (k key) label() string { return fit(letters(ink, textSize), k.name, chartWidth-keyWidth-20) }

func (k key) width() vg.Length { return keyWidth + letters(ink, textSize).Width(k.label())*1.06 + 14 }

// paint draws the whole chart from the top of c.
func (c *chart) paint(dc draw.Canvas) {
	y := dc.Max.Y - titleSize
	title := bold(letters(ink, titleSize))
	dc.FillText(title, vg.Point{X: dc.Min.X, Y: y}, fit(title, c.title, chartWidth))
	y -= 6
	if c.note != "" {
		y -= lineHeight
		note := letters(quiet, textSize)
		dc.FillText(note, vg.Point{X: dc.Min.X, Y: y + 2}, fit(note, c.note, chartWidth))
	}
	for _, row := range c.rows() {
		y -= lineHeight
		x := dc.Min.X
		for _, k := range row {
			k.paint(dc, x, y+2)
			x += k.width()
		}
	}
	y -= 6
	c.draw(draw.Canvas{Canvas: dc.Canvas, Rectangle: vg.Rectangle{Min: dc.Min, Max: vg.Point{X: dc.Max.X, Y: y}}})
}

func (k key) paint(c draw.Canvas, x, y vg.Length) {
	const mid = 3.5
	switch k.shape {
	case asBar:
		box(c, k.tone, x, y, x+14, y+8)
	case asLine:
		c.StrokeLine2(line(k.tone, 2), x, y+mid, x+16, y+mid)
		dot(c, k.tone, x+8, y+mid, 2.8)
	case asFloor:
		c.StrokeLine2(dashed(k.tone, 1.4), x, y+mid, x+16, y+mid)
	case asDot:
		dot(c, k.tone, x+8, y+mid, 3)
	}
	c.FillText(letters(ink, textSize), vg.Point{X: x + keyWidth, Y: y}, k.label())
}

// grid is the ground of a chart with two axes. The caller sets their scales.
func grid(xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = line(rule, 0.8)
		a.Tick.LineStyle = line(rule, 0.8)
		a.Tick.Length = 3
		a.Tick.Label = tickLetters(a.Tick.Label)
		a.Label.TextStyle = merge(a.Label.TextStyle, letters(quiet, textSize))
		a.Label.Padding = 4
		a.Padding = 4
	}
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	return p
}

func tickLetters(s text.Style) text.Style { return merge(s, letters(quiet, textSize)) }

// merge keeps how a style is aligned.
func merge(s, with text.Style) text.Style {
	with.XAlign, with.YAlign, with.Rotation = s.XAlign, s.YAlign, s.Rotation
	return with
}

// lines across the plot at the major ticks of an axis.
type rules struct{ x, y bool }

// Plot implements plot.Plotter.
func (r rules) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	if r.y {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
				c.StrokeLine2(line(rule, 0.6), c.Min.X, ty(t.Value), c.Max.X, ty(t.Value))
			}
		}
	}
	if r.x {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
				c.StrokeLine2(line(rule, 0.6), tx(t.Value), c.Min.Y, tx(t.Value), c.Max.Y)
			}
		}
	}
}

// level is a dashed line across the plot at a value of the y axis, named at its
// right end.
type level struct {
	value float64
	name  string
}

// Plot implements plot.Plotter.
func (l level) Plot(c draw.Canvas, p *plot.Plot) {
	if l.value < p.Y.Min || l.value > p.Y.Max {
		return
	}
	_, ty := p.Transforms(&c)
	y := ty(l.value)
	c.StrokeLine2(dashed(floor, 1.2), c.Min.X, y, c.Max.X, y)
	c.FillText(right(letters(floor, textSize-1)), vg.Point{X: c.Max.X, Y: y + 2}, l.name)
}

// curveLine joins points, each with the range over the runs.
type curveLine struct {
	tone   tone
	dashed bool
	points []point
}

type point struct {
	x, y, low, high float64
	wrong           bool
}

// Plot implements plot.Plotter.
func (l curveLine) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var pts []vg.Point
	for _, q := range l.points {
		pts = append(pts, vg.Point{X: tx(q.x), Y: ty(q.y)})
		if q.high > q.low {
			c.StrokeLine2(line(l.tone, 1), tx(q.x), ty(q.low), tx(q.x), ty(q.high))
			for _, v := range []float64{q.low, q.high} {
				c.StrokeLine2(line(l.tone, 1), tx(q.x)-3, ty(v), tx(q.x)+3, ty(v))
			}
		}
	}
	style := line(l.tone, 1.8)
	if l.dashed {
		style = dashed(l.tone, 1.4)
	}
	c.StrokeLines(style, pts)
	for i, at := range pts {
		if l.points[i].wrong {
			dot(c, wrong, at.X, at.Y, 4)
			continue
		}
		dot(c, l.tone, at.X, at.Y, 2.8)
	}
}

// logRange widens a range of values to whole powers of ten.
func logRange(values []float64) (from, to float64) {
	from, to = math.Inf(1), 0
	for _, v := range values {
		if v > 0 {
			from, to = min(from, v), max(to, v)
		}
	}
	if to == 0 {
		return 1, 10
	}
	from, to = math.Pow(10, math.Floor(math.Log10(from))), math.Pow(10, math.Ceil(math.Log10(to)))
	if from == to {
		to *= 10
	}
	return from, to
}

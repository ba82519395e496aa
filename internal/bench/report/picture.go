package report

import (
	"fmt"
	"image/png"
	"io"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	margin       = 36
	gutter       = 40
	pictureWidth = 2*chartWidth + gutter + 2*margin

	// A picture has so many pixels to an inch; a long one fewer, so that other
	// programs can still show it; and there is an end to that.
	dpi        = 144
	longDPI    = 96
	longHeight = 10_000
	mostHeight = 25_000
)

// block is a part of the picture below the one before.
type block struct {
	height vg.Length
	draw   func(c draw.Canvas, top vg.Length)
}

// WritePNG writes the report as one picture in the light scheme.
func (r *Report) WritePNG(w io.Writer) error {
	blocks := r.blocks()
	height := vg.Length(2 * margin)
	for _, b := range blocks {
		height += b.height
	}
	if height > mostHeight {
		return fmt.Errorf("the report is too long for a picture: %.0f points, at most %d; draw fewer runs at a time, or leave out -png", height.Points(), mostHeight)
	}
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(
		vgimg.UseWH(pictureWidth, height), vgimg.UseDPI(choose(r.dpi > 0, r.dpi, choose(height > longHeight, longDPI, dpi))), vgimg.UseBackgroundColor(paper.color()),
	)}
	c := draw.New(canvas)
	c.Rectangle = vg.Rectangle{Min: vg.Point{X: margin, Y: margin}, Max: vg.Point{X: pictureWidth - margin, Y: height - margin}}
	top := c.Max.Y
	for _, b := range blocks {
		b.draw(c, top)
		top -= b.height
	}
	if err := png.Encode(w, canvas.Image()); err != nil {
		return fmt.Errorf("encode the picture: %w", err)
	}
	return nil
}

func (r *Report) blocks() []block {
	bs := []block{textBlock(bold(letters(ink, 22)), 36, r.title)}
	for _, f := range r.facts {
		bs = append(bs, block{15, func(c draw.Canvas, top vg.Length) {
			c.FillText(letters(quiet, 10), vg.Point{X: c.Min.X, Y: top - 12}, f.name)
			s := letters(ink, 10)
			c.FillText(s, vg.Point{X: c.Min.X + 70, Y: top - 12}, fit(s, f.text, c.Max.X-c.Min.X-70))
		}})
	}
	bs = append(bs, space(8), textBlock(letters(quiet, 10), 16, reading), space(12))
	bs = append(bs, r.table.blocks()...)
	for _, s := range r.sections {
		bs = append(bs, sectionHead(s))
		bs = append(bs, pairs(s.charts)...)
	}
	return bs
}

func space(h vg.Length) block { return block{h, func(draw.Canvas, vg.Length) {}} }

func textBlock(s text.Style, height vg.Length, txt string) block {
	return block{height, func(c draw.Canvas, top vg.Length) {
		c.FillText(s, vg.Point{X: c.Min.X, Y: top - height*3/4}, fit(s, txt, c.Max.X-c.Min.X))
	}}
}

func sectionHead(s section) block {
	return block{68, func(c draw.Canvas, top vg.Length) {
		c.StrokeLine2(line(rule, 1.5), c.Min.X, top-20, c.Max.X, top-20)
		c.FillText(bold(letters(ink, 16)), vg.Point{X: c.Min.X, Y: top - 40}, s.name)
		about := letters(quiet, 10)
		c.FillText(about, vg.Point{X: c.Min.X, Y: top - 55}, fit(about, s.about, c.Max.X-c.Min.X))
	}}
}

// pairs puts two charts beside each other.
func pairs(charts []*chart) []block {
	var bs []block
	for two := range slices.Chunk(charts, 2) {
		height := vg.Length(0)
		for _, ch := range two {
			height = max(height, ch.total())
		}
		bs = append(bs, block{height + 24, func(c draw.Canvas, top vg.Length) {
			for i, ch := range two {
				x := c.Min.X + vg.Length(i)*(chartWidth+gutter)
				ch.paint(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
					Min: vg.Point{X: x, Y: top - ch.total()}, Max: vg.Point{X: x + chartWidth, Y: top},
				}})
			}
		}})
	}
	return bs
}

const (
	cellSize = 8
	cellPad  = 10
	subSize  = 6.5
)

// blocks are the table's head and rows, in columns as wide as what is in them.
func (t table) blocks() []block {
	ends := t.ends()
	row := func(height vg.Length, style func(cell) text.Style, cs []cell, under draw.LineStyle, ground bool) block {
		return block{height, func(c draw.Canvas, top vg.Length) {
			if ground {
				box(c, band, c.Min.X, top-height, c.Max.X, top)
			}
			for i, v := range cs {
				s, sub := style(v), letters(quiet, subSize)
				x := c.Min.X + ends[i]
				if t.columns[i].left {
					if i > 0 {
						x = c.Min.X + ends[i-1] + cellPad
					} else {
						x = c.Min.X + 4
					}
				} else {
					s, sub = right(s), right(sub)
				}
				c.FillText(s, vg.Point{X: x, Y: top - 11}, v.text)
				c.FillText(sub, vg.Point{X: x, Y: top - 19.5}, v.sub)
			}
			c.StrokeLine2(under, c.Min.X, top-height, c.Max.X, top-height)
		}}
	}
	heads := make([]cell, len(t.columns))
	for i, c := range t.columns {
		heads[i] = cell{text: c.head, sub: c.sub}
	}
	bs := []block{row(24, func(cell) text.Style { return bold(letters(quiet, cellSize)) }, heads, line(quiet, 1), false)}
	for i, cs := range t.rows {
		height := vg.Length(16)
		for _, v := range cs {
			if v.sub != "" {
				height = 24
			}
		}
		bs = append(bs, row(height, cellStyle, cs, line(rule, 0.5), i%2 == 1))
	}
	return bs
}

func cellStyle(v cell) text.Style {
	switch {
	case v.wrong:
		return bold(letters(wrong, cellSize))
	case v.strong:
		return bold(letters(ink, cellSize))
	case v.peer:
		return letters(quiet, cellSize)
	}
	return letters(ink, cellSize)
}

// ends are the right edges of the columns. What is left over goes to the widest
// text column, and what is too much is taken from it.
func (t table) ends() []vg.Length {
	widths := make([]vg.Length, len(t.columns))
	widen := func(i int, txt, sub string) {
		widths[i] = max(widths[i], bold(letters(ink, cellSize)).Width(txt)+cellPad, letters(ink, subSize).Width(sub)+cellPad)
	}
	for i, c := range t.columns {
		widen(i, c.head, c.sub)
	}
	for _, row := range t.rows {
		for i, v := range row {
			widen(i, v.text, v.sub)
		}
	}
	total := vg.Length(0)
	for _, w := range widths {
		total += w
	}
	const what = 1 // the column of configurations
	widths[what] = max(widths[what]+pictureWidth-2*margin-total-4, 120)
	ends := make([]vg.Length, len(widths))
	x := vg.Length(0)
	for i, w := range widths {
		x += w
		ends[i] = x
	}
	return ends
}

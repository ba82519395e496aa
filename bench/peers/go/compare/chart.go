package compare

import (
	"image/color"
	"io"
	"math"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	colorOurs   = color.NRGBA{R: 0xc6, G: 0x4b, B: 0x2e, A: 0xff}
	colorTheirs = color.NRGBA{R: 0x7b, G: 0x93, B: 0xab, A: 0xff}
)

const (
	chartColumns = 4
	panelWidth   = 4.4 * vg.Inch
	rowHeight    = 0.19 * vg.Inch
	panelFrame   = 0.75 * vg.Inch
	panelGap     = 0.1 * vg.Inch
	barThickness = 0.7 // of a row
	chartDPI     = 110
)

// draw writes the chart to files, one panel a cell and group.
func (b *board) draw(svgFile, pngFile string) error {
	var panels [][]*plot.Plot
	var heights []vg.Length
	for _, inProcess := range []bool{false, true} {
		rows := b.members(inProcess)
		for first := 0; first < len(b.cells); first += chartColumns {
			line := make([]*plot.Plot, chartColumns)
			most := 0
			for k := range line {
				if j := first + k; j < len(b.cells) {
					p, n, err := b.panel(rows, j, inProcess)
					if err != nil {
						return err
					}
					line[k] = p
					most = max(most, n)
				}
			}
			panels = append(panels, line)
			heights = append(heights, panelFrame+vg.Length(most)*rowHeight)
		}
	}
	var height vg.Length
	for _, h := range heights {
		height += h
	}
	width := chartColumns * panelWidth
	svg := vgsvg.New(width, height)
	arrange(draw.New(svg), panels, heights)
	if err := writeTo(svgFile, svg); err != nil {
		return err
	}
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(chartDPI))
	arrange(draw.New(img), panels, heights)
	return writeTo(pngFile, vgimg.PngCanvas{Canvas: img})
}

// arrange draws the panels, each line as high as it needs to be.
func arrange(c draw.Canvas, panels [][]*plot.Plot, heights []vg.Length) {
	top := c.Max.Y
	for i, line := range panels {
		for k, p := range line {
			if p == nil {
				continue
			}
			left := c.Min.X + vg.Length(k)*panelWidth + panelGap
			p.Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: left, Y: top - heights[i]},
				Max: vg.Point{X: left + panelWidth - 2*panelGap, Y: top - panelGap},
			}})
		}
		top -= heights[i]
	}
}

func writeTo(file string, from io.WriterTo) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := from.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// panel draws one cell of one group, and says how many bars it has.
func (b *board) panel(rows []int, j int, inProcess bool) (*plot.Plot, int, error) {
	c := b.cells[j]
	bars := &barPlot{}
	var names []string
	// The first row stands at the top, so the last comes first.
	for k := len(rows) - 1; k >= 0; k-- {
		i := rows[k]
		m, ok := b.results[i][j].median(c)
		if !ok {
			continue
		}
		x := m.figure(c)
		if !c.isLatency() {
			x /= 1e6
		}
		bars.add(x, number(c, m), b.rows[i].ours())
		names = append(names, b.rows[i].peer().Name)
	}
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text = heading(inProcess) + ": " + c.title() + ", " + c.unit()
	p.Title.TextStyle.Font.Size = vg.Points(11)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = vg.Points(8), vg.Points(9)
	if len(names) == 0 {
		p.HideAxes()
		return p, 0, nil
	}
	labels, err := bars.labels()
	if err != nil {
		return nil, 0, err
	}
	p.Add(bars, labels)
	p.NominalY(names...)
	p.X.Min, p.X.Max = bars.from(), bars.to()
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	return p, len(names), nil
}

// barPlot draws horizontal bars on a logarithmic axis, where they begin at its
// left end.
type barPlot struct {
	values []float64
	texts  []string
	ours   []bool
}

func (b *barPlot) add(value float64, text string, ours bool) {
	b.values, b.texts, b.ours = append(b.values, value), append(b.texts, text), append(b.ours, ours)
}

// from and to bound the axis: a power of ten, and room for the numbers.
func (b *barPlot) from() float64 {
	least := math.Inf(1)
	for _, v := range b.values {
		least = min(least, v)
	}
	return math.Pow(10, math.Floor(math.Log10(least)))
}

func (b *barPlot) to() float64 {
	most := 0.0
	for _, v := range b.values {
		most = max(most, v)
	}
	const room = 0.3 // of the axis
	from := math.Log10(b.from())
	return math.Pow(10, from+max(math.Log10(most)-from, 0.5)*(1+room))
}

// Plot implements plot.Plotter.
func (b *barPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, v := range b.values {
		fill := colorTheirs
		if b.ours[i] {
			fill = colorOurs
		}
		low, high := y(float64(i)-barThickness/2), y(float64(i)+barThickness/2)
		c.FillPolygon(fill, []vg.Point{{X: c.Min.X, Y: low}, {X: x(v), Y: low}, {X: x(v), Y: high}, {X: c.Min.X, Y: high}})
	}
}

func (b *barPlot) labels() (*plotter.Labels, error) {
	at := make(plotter.XYs, len(b.values))
	for i, v := range b.values {
		at[i] = plotter.XY{X: v, Y: float64(i)}
	}
	l, err := plotter.NewLabels(plotter.XYLabels{XYs: at, Labels: b.texts})
	if err != nil {
		return nil, err
	}
	for i := range l.TextStyle {
		l.TextStyle[i].Font = font.From(plot.DefaultFont, vg.Points(8))
		l.TextStyle[i].YAlign = draw.YCenter
	}
	l.Offset = vg.Point{X: vg.Points(3)}
	return l, nil
}

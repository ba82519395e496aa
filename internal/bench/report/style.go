package report

import (
	"fmt"
	"image/color"
	"strconv"

	"golang.org/x/image/font"
	"gonum.org/v1/plot"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// tone is a colour in both schemes. No two are the same in the light one: the
// page finds them by it.
type tone struct{ name, light, dark string }

var (
	paper = tone{"paper", "#FFFFFF", "#14181D"}
	ink   = tone{"ink", "#1B2129", "#E3E8EE"}
	quiet = tone{"quiet", "#5B6673", "#9AA6B4"}
	rule  = tone{"rule", "#D5DBE2", "#323A44"}
	band  = tone{"band", "#F3F5F8", "#1C2229"}
	ours  = tone{"ours", "#1F6FEB", "#4C93FF"}
	other = tone{"other", "#A9B4C0", "#5F6B79"}
	floor = tone{"floor", "#C8323C", "#FF7A80"}
	wrong = tone{"wrong", "#B3151F", "#FF8087"}
)

// series are the colours of lines in one chart, apart also for those who see few
// colours.
var series = []tone{
	ours,
	{"s1", "#D9730D", "#F09A45"},
	{"s2", "#128A5B", "#3FBF8C"},
	{"s3", "#8250C4", "#B18AE8"},
	{"s4", "#0E8AA3", "#43BFD6"},
	{"s5", "#B4436C", "#E27BA2"},
	{"s6", "#7A6A00", "#C5B23A"},
	{"s7", "#4B5563", "#A3AEBC"},
}

func tones() []tone {
	return append([]tone{paper, ink, quiet, rule, band, other, floor, wrong}, series...)
}

// color is the tone in the light scheme.
func (t tone) color() color.Color {
	v, err := strconv.ParseUint(t.light[1:], 16, 32)
	if err != nil {
		panic(fmt.Sprintf("report: tone %s: %v", t.name, err))
	}
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// letters are a style of text, aligned to the left and on its base line.
func letters(t tone, size vg.Length) text.Style {
	return text.Style{
		Color: t.color(), Font: plotfont.From(plotfont.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler,
	}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = font.WeightBold
	return s
}

func right(s text.Style) text.Style {
	s.XAlign = draw.XRight
	return s
}

func centred(s text.Style) text.Style {
	s.XAlign = draw.XCenter
	return s
}

// fit cuts a text that is wider than there is room for.
func fit(s text.Style, txt string, width vg.Length) string {
	if s.Width(txt) <= width {
		return txt
	}
	r := []rune(txt)
	for len(r) > 1 && s.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func line(t tone, width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: t.color(), Width: width}
}

func dashed(t tone, width vg.Length) draw.LineStyle {
	s := line(t, width)
	s.Dashes = []vg.Length{3, 2}
	return s
}

// box fills a rectangle.
func box(c draw.Canvas, t tone, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(t.color(), []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func dot(c draw.Canvas, t tone, x, y, radius vg.Length) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: t.color(), Radius: radius, Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
}

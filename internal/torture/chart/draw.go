package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// series is a column of the samples, in the unit of its panel.
type series struct {
	column, name string
	scale        float64
	rate         bool // it counts: what is drawn is how fast
}

// panels are drawn below one another, over the same time.
var panels = []struct {
	title string
	lines []series
}{
	{"memory, MiB", []series{
		{"rss_kib", "resident, all processes", 1. / 1024, false},
		{"private_kib", "private, all processes", 1. / 1024, false},
		{"stay_private_kib", "private, of those that stay", 1. / 1024, false},
	}},
	{"descriptors and threads", []series{
		{"descriptors", "descriptors, all", 1, false},
		{"threads", "threads, all", 1, false},
		{"stay_descriptors", "descriptors, of those that stay", 1, false},
		{"stay_threads", "threads, of those that stay", 1, false},
	}},
	{"depth of the deepest lane, events", []series{{"depth", "depth", 1, false}}},
	{"events published a second", []series{{"published", "published", 1, true}}},
	{"processes restarted", []series{{"restarts", "restarts", 1, false}}},
}

var colours = []color.Color{
	color.RGBA{0x1b, 0x6c, 0xa8, 0xff}, color.RGBA{0xd9, 0x5f, 0x02, 0xff},
	color.RGBA{0x2a, 0x8c, 0x4a, 0xff}, color.RGBA{0x75, 0x4c, 0xa3, 0xff},
}

const (
	width  = 20 * vg.Centimeter
	height = 5 * vg.Centimeter // of a panel
)

// draw reads samples and writes a picture of them.
func draw(from, to string) (err error) {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	if len(rows) < 3 {
		return fmt.Errorf("%s has no samples", from)
	}
	canvas := vgsvg.New(width, height*vg.Length(len(panels)))
	area := vgdraw.New(canvas)
	for i, p := range panels {
		drawn := plot.New()
		drawn.Title.Text, drawn.Title.TextStyle.Font.Size = p.title, font.Length(10)
		drawn.Legend.TextStyle.Font.Size = font.Length(7)
		drawn.X.Tick.Label.Font.Size, drawn.Y.Tick.Label.Font.Size = font.Length(8), font.Length(8)
		if i == len(panels)-1 {
			drawn.X.Label.Text, drawn.X.Label.TextStyle.Font.Size = "minutes", font.Length(9)
		}
		drawn.Add(plotter.NewGrid())
		for j, s := range p.lines {
			points, err := s.points(rows)
			if err != nil {
				return fmt.Errorf("%s: %w", from, err)
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return err
			}
			line.Color = colours[j%len(colours)]
			drawn.Add(line)
			if len(p.lines) > 1 {
				drawn.Legend.Add(s.name, line)
			}
		}
		drawn.Y.Min = 0
		drawn.Y.Max *= 1 + 0.15*float64(len(p.lines)) // room for the legend
		drawn.Legend.Top = true
		bottom := height * vg.Length(len(panels)-1-i)
		drawn.Draw(vgdraw.Crop(area, 6, -10, bottom+3, bottom+height-area.Max.Y-3))
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(out)
	return errors.Join(err, out.Close())
}

// points are the series over minutes.
func (s series) points(rows [][]string) (points plotter.XYs, err error) {
	at, of := slices.Index(rows[0], "seconds"), slices.Index(rows[0], s.column)
	if at < 0 || of < 0 {
		return nil, fmt.Errorf("no column %q, or none of seconds", s.column)
	}
	var before plotter.XY
	for i, row := range rows[1:] {
		x, errX := strconv.ParseFloat(row[at], 64)
		y, errY := strconv.ParseFloat(row[of], 64)
		if err := errors.Join(errX, errY); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		now := plotter.XY{X: x / 60, Y: y * s.scale}
		if !s.rate {
			points = append(points, now)
		} else if i > 0 && now.X > before.X {
			points = append(points, plotter.XY{X: now.X, Y: (now.Y - before.Y) / (60 * (now.X - before.X))})
		}
		before = now
	}
	return points, nil
}

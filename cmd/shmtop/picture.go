package main

import (
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// share is part of whole between 0 and 1, whatever the numbers say.
func share(part uint64, whole int) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(part)/float64(whole), 1)
}

// bar draws a share over a width in columns. Anything above nothing shows.
func (t *theme) bar(share float64, width int) string {
	if width <= 0 {
		return ""
	}
	steps := 1
	if t.half != "" {
		steps = 2
	}
	n := int(math.Round(share * float64(width*steps)))
	if n == 0 && share > 0 {
		n = 1
	}
	n = min(n, width*steps)
	filled := strings.Repeat(t.full, n/steps)
	if n%steps != 0 {
		filled += t.half
	}
	return t.fill(share).Render(filled) + t.dim.Render(strings.Repeat(t.empty, width-(n+steps-1)/steps))
}

// sparkline draws rates in one line, scaled to the highest of them with some
// headroom: a steady rate should not look like a wall.
func (t *theme) sparkline(rates []float64, style lipgloss.Style) string {
	top := highest(rates)
	if top == 0 {
		style = t.dim
	}
	return t.chart(rates, 1, top*4/3, style)[0]
}

// chart draws rates as columns over several lines, top line first.
func (t *theme) chart(rates []float64, height int, top float64, style lipgloss.Style) []string {
	lines := make([]string, height)
	steps := len(t.levels)
	for row := range lines {
		var b strings.Builder
		base := (height - 1 - row) * steps // what the lines below show
		for _, r := range rates {
			n := level(r, top, height*steps) - base
			switch {
			case r < 0 || n <= 0:
				b.WriteString(t.gap)
			default:
				b.WriteString(t.levels[min(n, steps)-1])
			}
		}
		lines[row] = style.Render(b.String())
	}
	return lines
}

// level is the height of a column in steps: at least one, so that a quiet minute
// is a line and not a void.
func level(rate, top float64, steps int) int {
	if top <= 0 || rate <= 0 {
		return 1
	}
	return max(1, min(int(math.Ceil(rate/top*float64(steps))), steps))
}

// roundUp returns the next 1, 2 or 5 times a power of ten: a scale that reads
// well and seldom changes.
func roundUp(v float64) float64 {
	if v <= 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*unit {
			return m * unit
		}
	}
	return 10 * unit
}

func highest(rates []float64) float64 {
	top := 0.0
	for _, r := range rates {
		top = max(top, r)
	}
	return top
}

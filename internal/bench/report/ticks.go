package report

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// shortNS names a round number of nanoseconds.
func shortNS(v float64) string {
	for _, u := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}, {"ns", 1}} {
		if v >= u.ns || u.ns == 1 {
			return strconv.FormatFloat(v/u.ns, 'g', 4, 64) + " " + u.name
		}
	}
	return ""
}

// shortRate names a round number.
func shortRate(v float64) string {
	for _, u := range []struct {
		name string
		by   float64
	}{{" G", 1e9}, {" M", 1e6}, {" k", 1e3}} {
		if v >= u.by {
			return strconv.FormatFloat(v/u.by, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// decades has a tick at each power of ten, and small ones between.
type decades struct{ name func(float64) string }

// Ticks implements plot.Ticker.
func (d decades) Ticks(from, to float64) []plot.Tick {
	var ts []plot.Tick
	for v := math.Pow(10, math.Floor(math.Log10(from)+1e-9)); v <= to*1.0001; v *= 10 {
		ts = append(ts, plot.Tick{Value: v, Label: d.name(v)})
		for i := 2.0; i < 10 && v*i < to; i++ {
			ts = append(ts, plot.Tick{Value: v * i})
		}
	}
	return ts
}

// evenly has some four to eight ticks at round values.
type evenly struct{ name func(float64) string }

// Ticks implements plot.Ticker.
func (e evenly) Ticks(from, to float64) []plot.Tick {
	step := roundStep((to - from) / 5)
	var ts []plot.Tick
	for i := math.Ceil(from/step - 1e-9); i*step <= to*(1+1e-9); i++ {
		v := i*step + 0 // no minus before a 0
		ts = append(ts, plot.Tick{Value: v, Label: e.name(v)})
	}
	return ts
}

// roundStep is the next 1, 2 or 5 times a power of ten above v.
func roundStep(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*p*(1+1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// at has a tick at each of the values that were measured.
type at struct {
	values []float64
	name   func(float64) string
}

// Ticks implements plot.Ticker.
func (a at) Ticks(float64, float64) []plot.Tick {
	var ts []plot.Tick
	for _, v := range a.values {
		ts = append(ts, plot.Tick{Value: v, Label: a.name(v)})
	}
	return ts
}

// names has a tick at 0, 1, 2 and so on.
type names []string

// Ticks implements plot.Ticker.
func (n names) Ticks(float64, float64) []plot.Tick {
	var ts []plot.Tick
	for i, s := range n {
		ts = append(ts, plot.Tick{Value: float64(i), Label: s})
	}
	return ts
}

// bytesName names a number of bytes as people count them.
func bytesName(v float64) string {
	if v >= 1024 && math.Mod(v, 1024) == 0 {
		return strconv.FormatFloat(v/1024, 'f', -1, 64) + " KiB"
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " B"
}

func plainName(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

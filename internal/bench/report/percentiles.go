package report

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rvoip/shmbus/internal/bench/runs"
)

var percentileNames = names{"p50", "p90", "p99", "p99.9", "max"}

// quantiles are what percentileNames name.
var quantiles = []func(*runs.Percentiles) float64{
	func(l *runs.Percentiles) float64 { return l.P50 },
	func(l *runs.Percentiles) float64 { return l.P90 },
	func(l *runs.Percentiles) float64 { return l.P99 },
	func(l *runs.Percentiles) float64 { return l.P999 },
	func(l *runs.Percentiles) float64 { return l.Max },
}

// quantile is one of them of a run's latency, 0 if it has none.
func quantile(i int) func(*runs.Run) float64 {
	return func(r *runs.Run) float64 { return quantiles[i](orNone(r.Tail())) }
}

var p50 = quantile(0)

func latencyNS(r *runs.Run) *runs.Percentiles { return r.Tail() }

func orNone(l *runs.Percentiles) *runs.Percentiles {
	if l == nil {
		return &runs.Percentiles{}
	}
	return l
}

// tail is the latency of something from its median to its maximum.
type tail struct {
	name   string
	ranges [5]runs.Range
}

// latencyOf is a latency of a case.
func latencyOf(c *runs.Case, name string, get func(*runs.Run) *runs.Percentiles) tail {
	t := tail{name: name}
	for i, of := range quantiles {
		t.ranges[i] = c.Range(func(r *runs.Run) float64 { return of(orNone(get(r))) })
	}
	return t
}

// tails shows a few latencies on a logarithmic scale.
func tails(title, note string, ts []tail, floors []level) *chart {
	var all []float64
	ch := &chart{title: title, note: note, height: plotHeight}
	p := grid("", "")
	p.Add(rules{y: true})
	for i, t := range ts {
		l := curveLine{tone: series[i%len(series)]}
		for k, r := range t.ranges {
			if r.Median > 0 {
				l.points = append(l.points, point{float64(k), r.Median, r.Low, r.High, false})
				all = append(all, r.Low, r.High)
			}
		}
		if len(l.points) == 0 {
			continue
		}
		p.Add(l)
		ch.keys = append(ch.keys, key{t.name, l.tone, asLine})
	}
	if len(all) == 0 {
		return nil
	}
	for _, f := range floors {
		all = append(all, f.value)
		p.Add(f)
	}
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.25, 4.25, percentileNames
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{shortNS}
	p.Y.Min, p.Y.Max = logRange(all)
	ch.draw = func(c draw.Canvas) { p.Draw(c) }
	return ch
}

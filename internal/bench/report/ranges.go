package report

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/units"
)

// ranges shows the latency of each case on one line, from its median to its
// maximum: for more cases than lines in one chart can be told apart.
func ranges(title, note string, cs []*runs.Case) *chart {
	cs = measured(cs, p50)
	if len(cs) == 0 {
		return nil
	}
	gs := groups(cs)
	var all []float64
	for _, c := range cs {
		for i := range quantiles {
			all = append(all, c.Range(quantile(i)).Median)
		}
	}
	from, to := logRange(all)
	ch := &chart{title: title, note: note, height: rowsHeight(gs), keys: []key{{"shmbus: p50 (figure), p90, p99, p99.9, maximum", ours, asDot}}}
	for _, c := range cs {
		if c.Peer != "" {
			ch.keys = append(ch.keys, key{"others", other, asDot})
			break
		}
	}
	ch.draw = func(c draw.Canvas) {
		x0, x1 := c.Min.X+labelWidth, c.Max.X-valueWidth
		at := func(v float64) vg.Length {
			return x0 + (x1-x0)*vg.Length((math.Log(v)-math.Log(from))/(math.Log(to)-math.Log(from)))
		}
		rowAxis(c, gs, decades{shortNS}, from, to, at)
		eachRow(c, gs, func(r row, y vg.Length) {
			const mid = 7.5
			end := x0
			var last float64
			for i := range quantiles {
				v := r.c.Range(quantile(i)).Median
				if v == 0 {
					continue
				}
				x := at(v)
				if last > 0 {
					c.StrokeLine2(line(r.tone, vg.Length(4-i)*0.8+0.4), at(last), y+mid, x, y+mid)
				}
				dot(c, r.tone, x, y+mid, []vg.Length{4, 2.4, 2.4, 2.4, 1.4}[i])
				last, end = v, max(end, x)
			}
			c.FillText(bold(letters(ink, textSize)), vg.Point{X: end + 7, Y: y + 4}, units.NS(r.c.Range(p50).Median))
		})
	}
	return ch
}

package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// step is one figure at one place of a curve, of all runs of a case.
type step struct {
	curve string
	x     float64
}

// steps collects a figure of points, so that each place of a curve has the median
// of the runs, and how far they go.
func steps(cs []*runs.Case, take func(c *runs.Case, p runs.Point) (curve string, x, y float64)) []curve {
	values := map[step][]float64{}
	var names []string
	for _, c := range cs {
		for _, r := range c.Runs {
			for _, p := range r.Points {
				name, x, y := take(c, p)
				if x <= 0 || y <= 0 {
					continue
				}
				k := step{name, x}
				values[k] = append(values[k], y)
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	var out []curve
	for _, name := range names {
		c := curve{name: name}
		for k, vs := range values {
			if k.curve == name {
				c.points = append(c.points, point{k.x, stat.Median(vs), slices.Min(vs), slices.Max(vs), false})
			}
		}
		slices.SortFunc(c.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
		if len(c.points) > 1 {
			out = append(out, c)
		}
	}
	return out
}

// stepName is a curve's name: its kind, and its case where there are several.
func stepName(cs []*runs.Case, c *runs.Case, kind string) string {
	parts := []string{kind}
	if len(cs) > 1 || kind == "" {
		parts = append(parts, c.Name())
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

const stepNote = "whiskers from the lowest run to the highest; "

// publishCost is what one publish costs against so many subscribers.
func publishCost(workload string, cs []*runs.Case) *chart {
	lines := steps(cs, func(c *runs.Case, p runs.Point) (string, float64, float64) {
		if p.Pubs > 1 || p.Size > 0 {
			return "", 0, 0
		}
		return stepName(cs, c, p.Kind), float64(p.Subs), p.PublishNS
	})
	return curves(workload+": cost of one publish", stepNote+"flat is better", lines,
		curveAxes{x: "subscribers", y: "per publish", xName: plainName, yName: shortNS})
}

// together is what several publishers do together.
func together(workload string, cs []*runs.Case) *chart {
	lines := steps(cs, func(c *runs.Case, p runs.Point) (string, float64, float64) {
		if p.Size > 0 {
			return "", 0, 0
		}
		return stepName(cs, c, p.Kind), float64(p.Pubs), p.PublishedPerS
	})
	return curves(workload+": publishers together", stepNote+"more is better", lines,
		curveAxes{x: "publishers", y: "published per second", xName: plainName, yName: shortRate})
}

// bySize are rate, bytes and time per event from small events to large ones.
func bySize(workload string, cs []*runs.Case) []*chart {
	by := func(y func(runs.Point) float64) []curve {
		return steps(cs, func(c *runs.Case, p runs.Point) (string, float64, float64) {
			return stepName(cs, c, p.Kind), float64(p.Size), y(p)
		})
	}
	perEvent := func(p runs.Point) float64 {
		if p.PublishedPerS == 0 {
			return 0
		}
		return 1e9 / p.PublishedPerS
	}
	return []*chart{
		curves(workload+": events per second", stepNote+"both scales logarithmic; more is better",
			by(func(p runs.Point) float64 { return p.PublishedPerS }),
			curveAxes{x: "size of an event", y: "published per second", xName: bytesName, yName: shortRate, yLog: true}),
		curves(workload+": bytes per second", stepNote+"both scales logarithmic; more is better",
			by(func(p runs.Point) float64 { return p.PublishedPerS * float64(p.Size) }),
			curveAxes{x: "size of an event", y: "bytes published per second", xName: bytesName, yName: shortRate, yLog: true}),
		curves(workload+": time per event", stepNote+"both scales logarithmic; less is better", by(perEvent),
			curveAxes{x: "size of an event", y: "per published event", xName: bytesName, yName: shortNS, yLog: true}),
	}
}

// inTime is how late a packet may be.
const inTime = 5e6

// lateness is how late packets are at each rate that was tried.
func lateness(workload string, cs []*runs.Case) *chart {
	names := []string{"p50", "p90", "p99", "p99.9", "max"}
	type tried struct {
		rate float64
		held bool
	}
	seen := map[tried][]*runs.Percentiles{}
	add := func(rate float64, late *runs.Percentiles, held bool) {
		seen[tried{rate, held}] = append(seen[tried{rate, held}], orNone(late))
	}
	for _, c := range cs {
		for _, r := range c.Runs {
			if r.Late != nil {
				add(r.Rate, r.Late, r.Held == nil || *r.Held)
			}
			for _, t := range r.Tries {
				if r.Calls > 0 {
					add(r.Rate*t.Calls/r.Calls, t.Late, t.Held)
				}
			}
		}
	}
	lines := make([]curve, len(names))
	failed := false
	for t, ls := range seen {
		failed = failed || !t.held
		for i, get := range quantiles {
			var vs []float64
			for _, l := range ls {
				vs = append(vs, get(l))
			}
			lines[i].points = append(lines[i].points, point{t.rate, stat.Median(vs), slices.Min(vs), slices.Max(vs), !t.held})
		}
	}
	for i := range lines {
		lines[i].name = names[i]
	}
	if len(lines[0].points) < 2 {
		return nil
	}
	ch := curves(workload+": lateness against rate", "logarithmic; from when a packet was due until it was received and checked; less is better",
		[]curve{lines[0], lines[2], lines[3], lines[4]},
		curveAxes{x: "packets per second, as intended", y: "late by", xName: shortRate, yName: shortNS, yLog: true, floors: []level{{inTime, "in time: 5 ms"}}})
	if ch != nil && failed {
		ch.keys = append(ch.keys, key{"did not hold", wrong, asDot})
	}
	return ch
}

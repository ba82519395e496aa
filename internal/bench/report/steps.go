package report

import (
	"slices"

	"github.com/rvoip/shmbus/internal/bench/runs"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// varied is what a run varies from point to point.
type varied int

const (
	nothing varied = iota
	subscribers
	publishers
	size
)

// of is that of a point.
func (v varied) of(p runs.Point) float64 {
	switch v {
	case subscribers:
		return float64(p.Subs)
	case publishers:
		return float64(p.Pubs)
	case size:
		return float64(p.Size)
	}
	return 0
}

// varies tells what the points of one kind have different.
func varies(ps []runs.Point, kind string) varied {
	for _, v := range []varied{size, publishers, subscribers} {
		values := map[float64]bool{}
		for _, p := range ps {
			if p.Kind == kind {
				values[v.of(p)] = true
			}
		}
		if len(values) > 1 {
			return v
		}
	}
	return nothing
}

// steps collects a figure of points into curves, so that each place has the median
// of the runs, and how far they go.
func steps(cs []*runs.Case, by varied, get func(runs.Point) float64) []curve {
	type place struct {
		curve string
		x     float64
	}
	values := map[place][]float64{}
	var names []string
	for _, c := range cs {
		for _, r := range c.Runs {
			for _, p := range r.Points {
				if y := get(p); y > 0 && varies(r.Points, p.Kind) == by {
					k := place{stepName(cs, c, p.Kind), by.of(p)}
					values[k] = append(values[k], y)
					names = insert(names, k.curve)
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
		out = append(out, c)
	}
	return out
}

// kinds are those that need more words.
var kinds = map[string]string{
	"keeping-up": "subscribers that keep up", "asleep": "subscribers that sleep and are not interested", "publishers": "to one subscriber",
}

// stepName is a curve's name: its kind, and its case where there are several.
func stepName(cs []*runs.Case, c *runs.Case, kind string) string {
	if words := kinds[kind]; words != "" {
		kind = words
	}
	switch {
	case kind == "":
		return c.Config.Without("size")
	case len(cs) == 1:
		return kind
	}
	return kind + ", " + c.Name()
}

const stepNote = "whiskers from the lowest run to the highest; "

// publishCost is what one publish costs against so many subscribers.
func publishCost(workload string, cs []*runs.Case) *chart {
	return curves(workload+": cost of one publish", stepNote+"flat is better",
		steps(cs, subscribers, func(p runs.Point) float64 { return p.PublishNS }),
		curveAxes{x: "subscribers", y: "per publish", xName: plainName, yName: shortNS})
}

// together is what several publishers do together.
func together(workload string, cs []*runs.Case) *chart {
	return curves(workload+": publishers together", stepNote+"more is better",
		steps(cs, publishers, func(p runs.Point) float64 { return p.PublishedPerS }),
		curveAxes{x: "publishers", y: "published per second", xName: plainName, yName: shortRate})
}

// bySize are rate, bytes and time per event from small events to large ones.
func bySize(workload string, cs []*runs.Case) []*chart {
	perEvent := steps(cs, size, func(p runs.Point) float64 {
		if p.PublishedPerS == 0 {
			return p.PublishNS
		}
		return 1e9 / p.PublishedPerS
	})
	for _, f := range []struct {
		name string
		tone tone
		get  func(runs.Point) float64
	}{
		{"bare ring", floor, func(p runs.Point) float64 { return p.Floor.SPSCEventNS }},
		{"copy of the bytes", quiet, func(p runs.Point) float64 { return p.Floor.CopyNS }},
	} {
		if fs := steps(cs[:1], size, f.get); len(fs) > 0 {
			fs[0].name, fs[0].floor = f.name, &f.tone
			perEvent = append(perEvent, fs[0])
		}
	}
	const note = stepNote + "both scales logarithmic; "
	axes := curveAxes{x: "size of an event", xName: bytesName, yLog: true}
	with := func(y string, name func(float64) string) curveAxes {
		axes.y, axes.yName = y, name
		return axes
	}
	return []*chart{
		curves(workload+": events per second", note+"more is better",
			steps(cs, size, func(p runs.Point) float64 { return p.PublishedPerS }), with("published per second", shortRate)),
		curves(workload+": bytes per second", note+"more is better",
			steps(cs, size, func(p runs.Point) float64 { return p.PublishedPerS * float64(p.Size) }), with("bytes published per second", shortRate)),
		curves(workload+": time per event", note+"less is better", perEvent, with("per published event", shortNS)),
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

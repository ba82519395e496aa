package runs

import "maps"

// WithSteps are runs, each followed by its points as runs of their own, so that
// tables and comparisons go into them.
func WithSteps(rs []*Run) []*Run {
	var all []*Run
	for _, r := range rs {
		all = append(all, r)
		for _, p := range r.Points {
			all = append(all, r.step(p))
		}
	}
	return all
}

// step is a point as a run.
func (r *Run) step(p Point) *Run {
	c := r.Config
	c.fields = maps.Clone(c.fields)
	if c.fields == nil {
		c.fields = map[string]any{}
	}
	for name, v := range map[string]int{"pubs": p.Pubs, "subs": p.Subs, "size": p.Size, "capacity": p.Capacity} {
		c.fields[name] = float64(v)
	}
	c.fields["kind"] = p.Kind
	c.Pubs, c.Subs, c.Size, c.Capacity = p.Pubs, p.Subs, p.Size, p.Capacity
	return &Run{
		Workload: r.Workload, Peer: r.Peer, Config: c, Time: r.Time, Version: r.Version, Machine: r.Machine, File: r.File,
		Published: p.Published, Delivered: p.Delivered, PublishedPerS: p.PublishedPerS, DeliveredPerS: p.DeliveredPerS,
		PublishNS: p.PublishNS, Floor: p.Floor, Ratio: p.Ratio, RatioOf: p.RatioOf, Step: true,
	}
}

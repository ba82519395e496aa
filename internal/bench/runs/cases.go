package runs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/rvoip/shmbus/internal/bench/stat"
)

// Case is all runs of one workload with one configuration.
type Case struct {
	Workload string
	Peer     string // empty for this bus
	Config   Config
	Runs     []*Run
	// Manner tells it from the other cases of its workload that have the same
	// shape.
	Manner string
}

// Cases groups runs, in the order in which the first of each came.
func Cases(rs []*Run) []*Case {
	var all []*Case
	byKey := map[string]*Case{}
	for _, r := range rs {
		k := key(r.Workload, r.Peer, r.Step, r.Config)
		c := byKey[k]
		if c == nil {
			c = &Case{Workload: r.Workload, Peer: r.Peer, Config: r.Config}
			byKey[k] = c
			all = append(all, c)
		}
		c.Runs = append(c.Runs, r)
	}
	// Peers have fields of their own, and lack some of ours.
	type alike struct {
		workload, peer, shape string
		step                  bool
	}
	like := func(c *Case) alike { return alike{c.Workload, c.Peer, c.Config.Shape(), c.IsStep()} }
	configs := map[alike][]Config{}
	for _, c := range all {
		configs[like(c)] = append(configs[like(c)], c.Config)
	}
	differ := map[alike][]string{}
	for k, cs := range configs {
		differ[k] = differing(cs)
	}
	for _, c := range all {
		c.Manner = c.Config.Manner(differ[like(c)])
	}
	return all
}

// Same tells whether o is the same thing, measured at another time say.
func (c *Case) Same(o *Case) bool { return c.key() == o.key() }

func (c *Case) key() string { return key(c.Workload, c.Peer, c.IsStep(), c.Config) }

func key(workload, peer string, step bool, c Config) string {
	return strings.Join([]string{workload, peer, strconv.FormatBool(step), c.Key()}, "\x00")
}

// IsStep tells whether it is a step of other runs.
func (c *Case) IsStep() bool { return c.Runs[0].Step }

// Name is the case in words, without its workload.
func (c *Case) Name() string {
	parts := slices.DeleteFunc([]string{c.Config.Shape(), c.Manner}, func(s string) bool { return s == "" })
	if kind := c.Config.Value("kind"); kind != "" && c.IsStep() {
		parts = append([]string{kind}, parts...)
	}
	if c.Peer != "" {
		return c.Peer + ": " + strings.Join(parts, ", ")
	}
	return strings.Join(parts, ", ")
}

// Median is the run with the median figure.
func (c *Case) Median() *Run {
	figures := make([]float64, len(c.Runs))
	for i, r := range c.Runs {
		figures[i] = r.Figure()
	}
	return c.Runs[stat.MedianIndex(figures)]
}

// Values are what get finds in the runs that have it, that is, above 0.
func (c *Case) Values(get func(*Run) float64) []float64 {
	var vs []float64
	for _, r := range c.Runs {
		if v := get(r); v > 0 {
			vs = append(vs, v)
		}
	}
	return vs
}

// Range is the median, the least and the most of a figure; 0 if no run has it.
type Range struct{ Median, Low, High float64 }

// Range sums up a figure of the runs.
func (c *Case) Range(get func(*Run) float64) Range {
	vs := c.Values(get)
	if len(vs) == 0 {
		return Range{}
	}
	return Range{stat.Median(vs), slices.Min(vs), slices.Max(vs)}
}

// order is how workloads are told of.
var order = []string{"seed", "fanout", "pingpong", "wake", "flood", "rtp", "scale", "size", "crash"}

// Workloads are the names of the workloads of cases: the known ones in the order
// of the documentation, then the others.
func Workloads(cs []*Case) []string {
	var names []string
	for _, c := range cs {
		if !slices.Contains(names, c.Workload) {
			names = append(names, c.Workload)
		}
	}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	return names
}

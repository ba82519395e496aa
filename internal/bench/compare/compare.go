package compare

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"github.com/rvoip/shmbus/internal/bench/runs"
)

const (
	alpha      = 0.05
	confidence = 1 - alpha
)

// Verdicts of a figure.
const (
	Better = "better"
	Worse  = "worse"
	Same   = "no difference shown"
	TooFew = "too few runs"
)

// figure is what cases are compared by.
type figure struct {
	name string
	unit unit
	more bool // more is better
	get  func(*runs.Run) float64
}

type unit string

const (
	perSecond unit = "/s"
	nanos     unit = "ns"
	plain     unit = ""
)

var figures = []figure{
	{"published_per_s", perSecond, true, func(r *runs.Run) float64 { return r.PublishedPerS }},
	{"latency p50", nanos, false, latency(func(l *runs.Percentiles) float64 { return l.P50 })},
	{"latency p99", nanos, false, latency(func(l *runs.Percentiles) float64 { return l.P99 })},
	{"latency p99.9", nanos, false, latency(func(l *runs.Percentiles) float64 { return l.P999 })},
	{"ratio", plain, false, func(r *runs.Run) float64 { return r.Ratio }},
	{"publish_ns", nanos, false, func(r *runs.Run) float64 { return r.PublishNS }},
	{"cpu per event", nanos, false, (*runs.Run).CPUPerEventNS},
}

func latency(get func(*runs.Percentiles) float64) func(*runs.Run) float64 {
	return func(r *runs.Run) float64 {
		if r.Latency == nil {
			return 0
		}
		return get(r.Latency)
	}
}

// Result is a comparison. It is what -json writes.
type Result struct {
	Alpha float64 `json:"alpha"`
	Pairs []*Pair `json:"pairs"`
	// OnlyA and OnlyB are what has no partner on the other side.
	OnlyA []string `json:"only_a,omitempty"`
	OnlyB []string `json:"only_b,omitempty"`
	// Notes say what makes the comparison weaker than it looks.
	Notes []string `json:"notes,omitempty"`
}

// Pair is one thing measured on both sides.
type Pair struct {
	Name    string    `json:"name"`
	Figures []*Figure `json:"figures"`
}

// Figure is one figure of a pair.
type Figure struct {
	Name string  `json:"name"`
	A    Summary `json:"a"`
	B    Summary `json:"b"`
	// Change is that of the median from A to B in percent, with its interval.
	Change float64   `json:"change_percent"`
	Bounds *Interval `json:"change_bounds_percent,omitempty"`
	P      float64   `json:"p"`
	// Verdict is one of the constants of this package.
	Verdict string `json:"verdict"`

	unit unit
}

// Summary is one side of a figure.
type Summary struct {
	Runs   int     `json:"runs"`
	Median float64 `json:"median"`
	// Bounds hold the true median; nil with too few runs.
	Bounds *Interval `json:"bounds,omitempty"`
}

// Interval holds what it is about with 95 % confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Runs compares the runs of a with those of b.
func Runs(a, b []*runs.Run) (*Result, error) {
	r := &Result{Alpha: alpha}
	as, bs := runs.Cases(runs.WithSteps(a)), runs.Cases(runs.WithSteps(b))
	few := false
	for _, ca := range as {
		i := slices.IndexFunc(bs, ca.Same)
		if i < 0 {
			r.OnlyA = append(r.OnlyA, title(ca))
			continue
		}
		p := pair(ca, bs[i])
		for _, f := range p.Figures {
			few = few || f.Verdict == TooFew
		}
		r.Pairs = append(r.Pairs, p)
	}
	for _, cb := range bs {
		if !slices.ContainsFunc(as, cb.Same) {
			r.OnlyB = append(r.OnlyB, title(cb))
		}
	}
	if len(r.Pairs) == 0 {
		return nil, fmt.Errorf("nothing was measured on both sides with the same configuration: A has %v, B has %v", r.OnlyA, r.OnlyB)
	}
	r.Notes = notes(a, b, few)
	return r, nil
}

func title(c *runs.Case) string { return c.Workload + ": " + c.Name() }

func notes(a, b []*runs.Run, few bool) []string {
	var ns []string
	if few {
		ns = append(ns, fmt.Sprintf("too few runs for a verdict where it says so: give -runs %d or more to both sides, -runs %d for an interval of each median", leastRuns(), leastForMedian()))
	}
	if a[0].Machine != b[0].Machine {
		ns = append(ns, fmt.Sprintf("A ran on %s and B on %s: compare ratios only", machine(a[0].Machine), machine(b[0].Machine)))
	}
	return ns
}

func machine(m runs.Machine) string {
	return fmt.Sprintf("%d x %s, %s, %s", m.CPUs, m.Model, m.Kernel, m.Go)
}

func pair(a, b *runs.Case) *Pair {
	p := &Pair{Name: title(a)}
	for _, f := range figures {
		va, vb := a.Values(f.get), b.Values(f.get)
		if len(va) > 0 && len(vb) > 0 {
			p.Figures = append(p.Figures, f.compare(va, vb))
		}
	}
	return p
}

func (f figure) compare(a, b []float64) *Figure {
	th := benchmath.DefaultThresholds
	th.CompareAlpha = alpha
	sa, sb := benchmath.NewSample(a, &th), benchmath.NewSample(b, &th)
	test := benchmath.AssumeNothing.Compare(sa, sb)
	out := &Figure{Name: f.name, unit: f.unit, A: summary(sa), B: summary(sb), P: test.P}
	out.Change = 100 * (out.B.Median/out.A.Median - 1)
	if in, ok := ratioBounds(a, b); ok {
		out.Bounds = &Interval{100 * (in.Low - 1), 100 * (in.High - 1)}
	}
	switch {
	case leastP(len(a), len(b)) > alpha:
		out.Verdict = TooFew
	case test.P > alpha:
		out.Verdict = Same
	case (out.B.Median > out.A.Median) == f.more:
		out.Verdict = Better
	default:
		out.Verdict = Worse
	}
	return out
}

func summary(s *benchmath.Sample) Summary {
	m := benchmath.AssumeNothing.Summary(s, confidence)
	out := Summary{Runs: len(s.Values), Median: m.Center}
	if !math.IsInf(m.Lo, 0) && !math.IsInf(m.Hi, 0) {
		out.Bounds = &Interval{m.Lo, m.Hi}
	}
	return out
}

package floor

import (
	"slices"
	"time"
)

const (
	minSamples = 4
	maxSamples = 1 << 16
)

// samples collects costs until a budget of time is spent.
type samples struct {
	until time.Time
	ns    []float64
}

func newSamples(budget time.Duration) *samples {
	return &samples{until: time.Now().Add(budget), ns: make([]float64, 0, maxSamples)}
}

func (s *samples) more() bool {
	return len(s.ns) < maxSamples && (len(s.ns) < minSamples || time.Now().Before(s.until))
}

func (s *samples) add(d time.Duration, parts int) {
	s.ns = append(s.ns, float64(d)/float64(parts))
}

func (s *samples) median() float64 {
	slices.Sort(s.ns)
	return s.ns[len(s.ns)/2]
}

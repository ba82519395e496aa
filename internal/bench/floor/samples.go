package floor

import (
	"slices"
	"time"
)

const (
	// enough is how many samples make a median worth its name. On a machine
	// with other work to do, two processes may hardly ever run at the same
	// time; the budget is stretched for them.
	enough     = 256
	stretch    = 8
	maxSamples = 1 << 16
)

// samples collects costs until a budget of time is spent.
type samples struct {
	until, limit time.Time
	ns           []float64
}

func newSamples(budget time.Duration) *samples {
	now := time.Now()
	return &samples{until: now.Add(budget), limit: now.Add(stretch * budget), ns: make([]float64, 0, maxSamples)}
}

func (s *samples) more() bool {
	if len(s.ns) == 0 {
		return true
	}
	until := s.until
	if len(s.ns) < enough {
		until = s.limit
	}
	return len(s.ns) < maxSamples && time.Now().Before(until)
}

func (s *samples) add(d time.Duration, parts int) {
	s.ns = append(s.ns, float64(d)/float64(parts))
}

func (s *samples) median() float64 { return s.quantile(0.5) }

func (s *samples) quantile(q float64) float64 {
	slices.Sort(s.ns)
	return s.ns[int(q*float64(len(s.ns)-1)+0.5)]
}

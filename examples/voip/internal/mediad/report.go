package mediad

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/rvoip/shmbus/bus"
)

// Report is what the process has found: totals over restarts, times of this process.
type Report struct {
	totals
	Live    int                  // calls that have not ended
	Unsaved uint64               // calls that the state file had no room for
	Latency map[string]Quantiles // from publish to receive, by lane
	Held    map[string]uint64    // events older than this process, which waited for it, by lane
	HeldMax time.Duration        // for how long at most
}

// Quantiles sums up times in nanoseconds.
type Quantiles struct {
	Count                    int64
	P50, P90, P99, P999, Max int64
}

// latencies measures how long events are on their way.
type latencies struct {
	start   int64
	lanes   [bus.Low + 1]*hdrhistogram.Histogram
	held    [bus.Low + 1]uint64
	heldMax time.Duration
}

func newLatencies() *latencies {
	l := &latencies{start: bus.Now()}
	for i := range l.lanes {
		l.lanes[i] = NewHistogram()
	}
	return l
}

// NewHistogram returns a histogram for times between 100 ns and a minute.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(100, int64(time.Minute), 3)
}

// Sum returns the quantiles of h.
func Sum(h *hdrhistogram.Histogram) Quantiles {
	return Quantiles{
		Count: h.TotalCount(),
		P50:   h.ValueAtQuantile(50), P90: h.ValueAtQuantile(90), P99: h.ValueAtQuantile(99), P999: h.ValueAtQuantile(99.9),
		Max: h.Max(),
	}
}

func (l *latencies) add(h bus.Header) {
	took := bus.Now() - h.Time
	if h.Time < l.start {
		l.held[h.Priority]++
		l.heldMax = max(l.heldMax, time.Duration(took))
		return
	}
	// Out of range can only be what a hostile publisher stamped.
	_ = l.lanes[h.Priority].RecordValue(max(0, took))
}

func (l *latencies) report() (times map[string]Quantiles, held map[string]uint64) {
	times, held = make(map[string]Quantiles), make(map[string]uint64)
	for p := bus.Critical; p <= bus.Low; p++ {
		if l.lanes[p].TotalCount() > 0 {
			times[p.String()] = Sum(l.lanes[p])
		}
		held[p.String()] = l.held[p]
	}
	return times, held
}

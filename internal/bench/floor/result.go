package floor

import "time"

// Result holds the floors in nanoseconds. A floor that was not measured is 0.
type Result struct {
	// LineNS is half a round trip of one cache line.
	LineNS float64 `json:"line_ns"`
	// SPSCNS is half a round trip of one event, written and read whole.
	SPSCNS float64 `json:"spsc_ns"`
	// SPSCEventNS is the cost of one event in a stream, written and read whole.
	SPSCEventNS float64 `json:"spsc_event_ns"`
	// FanEventNS is the cost of one event to all subscribers of the run, a process
	// each, where there are several.
	FanEventNS float64 `json:"fan_event_ns,omitempty"`
	// CopyNS is a copy of the event's bytes, in cache.
	CopyNS float64 `json:"copy_ns"`
	// FutexWakeNS is half a round trip of two processes that wake each other.
	FutexWakeNS float64 `json:"futex_wake_ns"`
	// FutexWakeP99NS is the 99th percentile of the same half round trips.
	FutexWakeP99NS float64 `json:"futex_wake_p99_ns"`
	// AtomicNS is an atomic addition that nobody contends for.
	AtomicNS float64 `json:"atomic_ns"`
}

// Best takes the lower figure of each floor: the machine could do that within
// the run, and a ratio to it flatters nobody.
func Best(a, b Result) Result {
	return Result{
		LineNS:      lower(a.LineNS, b.LineNS),
		SPSCNS:      lower(a.SPSCNS, b.SPSCNS),
		SPSCEventNS: lower(a.SPSCEventNS, b.SPSCEventNS),
		FanEventNS:  lower(a.FanEventNS, b.FanEventNS),
		CopyNS:      lower(a.CopyNS, b.CopyNS),
		FutexWakeNS: lower(a.FutexWakeNS, b.FutexWakeNS),
		AtomicNS:    lower(a.AtomicNS, b.AtomicNS),

		FutexWakeP99NS: lower(a.FutexWakeP99NS, b.FutexWakeP99NS),
	}
}

func lower(a, b float64) float64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// MostBatch is the largest batch of a floor.
const MostBatch = slots / 2

// Options say what to measure. Both processes get the same.
type Options struct {
	// Size of an event in bytes, a multiple of 8. Default 64.
	Size int `json:"size"`
	// Batch is how many events a stream publishes at a time. Default 1,
	// at most MostBatch.
	Batch int `json:"batch"`
	// Verify sums up what is written and checks what is read.
	Verify bool `json:"verify"`
	// Together says that the ends of a fan are goroutines of one process: who waits lets
	// goroutines run, not threads.
	Together bool `json:"together,omitempty"`
	// Budget is the time for each floor. Default 100 ms.
	Budget time.Duration `json:"budget"`
}

func (o Options) filled() Options {
	if o.Size <= 0 {
		o.Size = 64
	}
	// A writer that waits for room must have published enough for the reader
	// to make some.
	o.Batch = min(max(o.Batch, 1), MostBatch)
	if o.Budget <= 0 {
		o.Budget = 100 * time.Millisecond
	}
	return o
}

package floor

import (
	"sync/atomic"
	"time"
)

const aloneGroup = 1024

// copyNS copies event-sized pieces within a working set that stays in cache.
func copyNS(o Options) float64 {
	const pieces = 8
	st := stride(o.Size)
	from, to := make([]byte, pieces*st), make([]byte, pieces*st)
	s := newSamples(o.Budget / 10)
	for s.more() {
		start := time.Now()
		for i := range aloneGroup {
			off := i % pieces * st
			copy(to[off:off+o.Size], from[off:off+o.Size])
		}
		s.add(time.Since(start), aloneGroup)
	}
	return s.median()
}

func atomicNS(o Options) float64 {
	var v atomic.Uint64
	s := newSamples(o.Budget / 10)
	for s.more() {
		start := time.Now()
		for range aloneGroup {
			v.Add(1)
		}
		s.add(time.Since(start), aloneGroup)
	}
	return s.median()
}

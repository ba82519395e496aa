package main

import "time"

// history keeps the rates of the last window of time.
type history struct {
	window time.Duration
	spans  []span // oldest first, not overlapping
}

// span is a rate measured between two reads.
type span struct {
	from, to time.Time
	rate     float64
}

func (h *history) add(from, to time.Time, rate float64) {
	if !to.After(from) {
		return
	}
	old := 0
	for old < len(h.spans) && to.Sub(h.spans[old].to) > h.window {
		old++
	}
	h.spans = append(h.spans[old:], span{from, to, rate})
}

// buckets returns n mean rates that cover the window up to now, oldest first.
// Edges lie on multiples of a bucket's width, so that a bar does not change
// shape while it moves. A bucket without any reading is -1.
func (h *history) buckets(now time.Time, n int) []float64 {
	if n <= 0 {
		return nil
	}
	width := h.window / time.Duration(n)
	if width <= 0 {
		return nil
	}
	first := now.Truncate(width).Add(-time.Duration(n-1) * width)
	out := make([]float64, n)
	for i := range out {
		out[i] = h.mean(first.Add(time.Duration(i)*width), width)
	}
	return out
}

func (h *history) mean(from time.Time, width time.Duration) float64 {
	to := from.Add(width)
	var events float64
	var covered time.Duration
	for _, s := range h.spans {
		a, b := from, to
		if s.from.After(a) {
			a = s.from
		}
		if s.to.Before(b) {
			b = s.to
		}
		if part := b.Sub(a); part > 0 {
			covered += part
			events += s.rate * part.Seconds()
		}
	}
	if covered == 0 {
		return -1
	}
	return events / covered.Seconds()
}

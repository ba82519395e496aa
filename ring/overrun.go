package ring

// unreadable is how many positions to pass over where the entry of position at is
// not its event: none if it is yet to come, nor if there are others before it.
func (r *Reader) unreadable(e entry, at uint64, first bool) (skip uint64) {
	d := e.ahead(at >> r.lane.shift)
	switch {
	case d == -1 || !first:
		return 0
	case d < -1:
		if !r.outslept(at) {
			return 0 // an entry that cannot be right; nothing is there yet
		}
		return r.overrun(at, r.lane.Tail()-1)
	}
	return r.overrun(at, at+uint64(d)<<r.lane.shift)
}

// outslept tells whether the reader has slept at position at for so long that the
// lap in its entry, which has not the bits of a position, has gone round.
func (r *Reader) outslept(at uint64) bool {
	return before(at+uint64(r.lane.geo.Capacity), r.lane.Tail())
}

// overrun is how far to jump when the event at pos has been overwritten by the
// one at newer: to the oldest events still held; on a lossy lane with some
// headroom, since they are the next to be overwritten; to the tail if the reader
// prefers the newest. It is 1 for an entry that cannot be right.
func (r *Reader) overrun(pos, newer uint64) uint64 {
	l := r.lane
	n := uint64(l.geo.Capacity)
	t := l.Tail()
	if newer == pos || before(t+uint64(l.slots), newer) {
		return 1
	}
	if before(t, newer+1) || before(newer+n, t) {
		t = newer + 1
	}
	if r.newest {
		return t - pos
	}
	if r.gated {
		// Evicted. The gate comes back with the pin, and producers respect it
		// from their next scan on: what is still there is not given up.
		return t - n - pos
	}
	return t - n + max(n/8, 1) - pos
}

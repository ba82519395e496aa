package ring

// unreadable is how many positions to pass over where the entry of position at is
// not its event: none if it is yet to come.
func (r *Reader) unreadable(e entry, at uint64) (skip uint64) {
	d := e.ahead(at >> r.lane.shift)
	switch {
	case d == -1:
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

// farBehind tells whether the reader is so far behind that the laps in entries must
// not be compared any more: entries have 30 bits of them, and look like its own again
// when these have gone round. On a reliable lane that takes an eviction. It is asked
// before the cursor's pin is relied on, so that nothing but sleeping for whole rounds,
// to the lap, between that and the look at an entry can mislead.
func (r *Reader) farBehind() bool {
	l := r.lane
	if r.gated && r.evictions == r.trusted {
		return false
	}
	t := l.tail.Load()
	if !before(r.Position()+uint64(l.geo.Capacity)<<farLaps, t) {
		r.trusted = r.evictions
		return false
	}
	return l.published(t - 1) // or the tail is hostile
}

// farLaps is the binary logarithm of so many laps.
const farLaps = 10

// published tells whether the entry of pos says that pos was published last there.
func (l *Lane) published(pos uint64) bool {
	return entry(l.entries[pos&l.mask].Load()).ofLap(pos >> l.shift)
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
	if before(t, newer+1) || before(newer+n, t) && !l.published(t-1) {
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

package ring

import "sync/atomic"

// LaneStats are counters of a lane at about one instant.
type LaneStats struct {
	Tail      uint64 // position after the last published event
	Published uint64 // events since the lane was laid out
	Full      uint64 // publishes that found no room
	Evictions uint64 // gates that producers have taken
	PortsUsed int
	PinsUsed  int // reserved by readers

	// By all readers that there ever were.
	Received, Missed, Filtered uint64
}

// Stats reads the lane's counters. It only loads.
func (l *Lane) Stats() LaneStats {
	t := l.Tail()
	s := LaneStats{Tail: t, Published: t - l.start, Evictions: l.evictions.Load(), PinsUsed: l.Reserved()}
	for i := range l.used() {
		w := &l.cursors[i]
		s.Received += w.received.Load()
		s.Missed += w.missed.Load()
		s.Filtered += w.filtered.Load()
	}
	for i := range l.ports {
		s.Full += l.ports[i].full.Load()
		if l.ports[i].owner.Load() != 0 {
			s.PortsUsed++
		}
	}
	return s
}

// counters of a cursor go on from one subscription to the next, so that their
// sums never fall. What they were when a subscription began is kept beside them.
type counters []atomic.Uint64

func (c counters) store(values ...uint64) {
	for i, v := range values {
		c[i].Store(v)
	}
}

func (r *Reader) loadCounters() {
	w := r.words
	r.received, r.missed = w.received.Load(), w.missed.Load()
	r.filtered, r.evictions = w.filtered.Load(), w.evictions.Load()
}

// Unread tells whether some reader for which awake is true has not come to all events
// before the tail, and where that is. It only loads. Unlike its cursor, which moves
// now and then, a reader's counters say at once what it has come to. It is a hint:
// one that was handed a corrupt event stays behind by that.
func (l *Lane) Unread(awake func(reader int) bool) (tail uint64, unread bool) {
	tail, ok := l.tail.Load(), false
	for i := range l.used() {
		w := &l.cursors[i]
		if !cursor(w.word.Load()).joined() || !awake(i) {
			continue
		}
		if !ok {
			// One look, unlike Tail: only hostile words keep it from the end.
			if tail, ok = l.endFrom(tail); !ok {
				return tail, false
			}
		}
		come := w.from.Load() + w.received.Load() + w.missed.Load() + w.filtered.Load()
		if before(come, tail) {
			return tail, true
		}
	}
	return tail, false
}

// PortUsed tells whether a port has ever published, or found no room.
func (l *Lane) PortUsed(i int) bool {
	p := &l.ports[i]
	return p.published.Load() != 0 || p.full.Load() != 0
}

// CursorStats describe one cursor at about one instant. What it counts is that of
// the subscription that has it.
type CursorStats struct {
	Joined, Gated                         bool
	Position                              uint64
	Depth                                 uint64 // events published and not read
	Pinned                                int
	Reserved                              int // of the lane's pin budget
	Received, Missed, Filtered, Evictions uint64
}

// Cursor reads cursor i. It only loads.
func (l *Lane) Cursor(i int) CursorStats {
	w := &l.cursors[i]
	t := l.Tail()
	c := cursor(w.word.Load())
	s := CursorStats{
		Joined: c.joined(), Gated: c.gated(), Position: c.pos(t), Pinned: c.pins(),
		Reserved: int(min(w.reserved.Load(), MaxPin)),
		Received: w.received.Load() - w.began[0].Load(), Missed: w.missed.Load() - w.began[1].Load(),
		Filtered: w.filtered.Load() - w.began[2].Load(), Evictions: w.evictions.Load() - w.began[3].Load(),
	}
	if d := int64(t - s.Position); d > 0 {
		s.Depth = uint64(d)
	}
	return s
}

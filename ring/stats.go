package ring

// LaneStats are counters of a lane at about one instant.
type LaneStats struct {
	Tail      uint64 // position after the last published event
	Published uint64 // events since the lane was laid out
	Full      uint64 // publishes that found no room
	PortsUsed int
	PinsUsed  int // reserved by readers
}

// Stats reads the lane's counters. It only loads.
func (l *Lane) Stats() LaneStats {
	t := l.tail.Load()
	s := LaneStats{Tail: t, Published: t - l.start, PinsUsed: l.Reserved()}
	for i := range l.ports {
		s.Full += l.ports[i].full.Load()
		if l.ports[i].owner.Load() != 0 {
			s.PortsUsed++
		}
	}
	return s
}

// CursorStats describe one cursor at about one instant.
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
	t := l.tail.Load()
	c := cursor(w.word.Load())
	s := CursorStats{
		Joined: c.joined(), Gated: c.gated(), Position: c.pos(t), Pinned: c.pins(),
		Reserved: int(min(w.reserved.Load(), MaxPin)),
		Received: w.received.Load(), Missed: w.missed.Load(),
		Filtered: w.filtered.Load(), Evictions: w.evictions.Load(),
	}
	if d := int64(t - s.Position); d > 0 {
		s.Depth = uint64(d)
	}
	return s
}

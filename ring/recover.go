package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// ClearCursor forgets cursor i: its position, its pins, its share of the
// budget. The caller owns the cursor, or has proof that its owner is dead and
// that nobody else recovers it. It may be killed anywhere and started over.
func (l *Lane) ClearCursor(i int) {
	c := &l.cursors[i]
	failpoint.Hit(stepRecoverCursor)
	c.word.Store(0)
	c.reserved.Store(0)
	l.notifyRoom(c.want)
}

// Unpin drops the pins of cursor i and keeps its position and its gate, for a
// reader that will come back. The caller is as for ClearCursor.
func (l *Lane) Unpin(i int) {
	c := &l.cursors[i]
	failpoint.Hit(stepRecoverCursor)
	for range moveTries {
		w := cursor(c.word.Load())
		// Pairs with Evict, which may take the gate at the same time.
		if w.pins() == 0 || c.word.CompareAndSwap(uint64(w), uint64(w)&^uint64(MaxPin<<flagBits)) {
			return
		}
	}
}

// park makes pos the position of cursor i, which the caller owns, and drops its
// pins. Its gate stays as it is.
func (l *Lane) park(i int, pos uint64) {
	c := &l.cursors[i]
	failpoint.Hit(stepRecoverCursor)
	for range moveTries {
		w := cursor(c.word.Load())
		// Pairs with Evict, as in Unpin.
		if !w.joined() || c.word.CompareAndSwap(uint64(w), uint64(makeCursor(pos, 0, w.flags()))) {
			break
		}
	}
	l.wakeRoom(i, pos)
}

// Evict takes the gate from cursor i, whose word the caller has seen as was:
// producers no longer wait for it. Its pins hold. It reports whether the cursor
// still was that word.
func (l *Lane) Evict(i int, was Gate) bool {
	failpoint.Hit(stepEvict)
	if !l.cursors[i].word.CompareAndSwap(uint64(was.word), uint64(was.word)&^flagGated) {
		return false
	}
	l.evictions.Add(1)
	l.WakeRoom()
	return true
}

// Gate is a cursor that holds producers back, as it was at one instant.
type Gate struct {
	Reader int
	Behind uint64 // positions between it and the tail
	word   cursor
}

// Same tells whether g and h are the same reader, which has not moved: neither
// what it pins there, nor that one process after the other comes to it and dies, is
// a move.
func (g Gate) Same(h Gate) bool { return g.Reader == h.Reader && g.word.at() == h.word.at() }

// Gates appends to gates the gated cursors that leave no room for an event at
// the tail.
func (l *Lane) Gates(gates []Gate) []Gate {
	t := l.Tail()
	for i := range l.used() {
		c := cursor(l.cursors[i].word.Load())
		if c.joined() && c.gated() && !before(t, l.gate(i, c.pos(t))+uint64(l.geo.Capacity)) {
			gates = append(gates, Gate{Reader: i, Behind: t - c.pos(t), word: c})
		}
	}
	return gates
}

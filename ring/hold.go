package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// While nobody reads through a gated cursor it may hold back less than a lap:
// producers treat it as if it stood that much further behind.

// gate is the position that producers stay within a lap of because of cursor i,
// which is gated and stands at pos.
func (l *Lane) gate(i int, pos uint64) uint64 {
	// In the line of the cursor, which the caller has just loaded.
	return pos - l.short(l.cursors[i].hold.Load())
}

// short is by how much less than a lap producers may be ahead.
func (l *Lane) short(hold uint64) uint64 {
	n := uint64(l.geo.Capacity)
	if hold == 0 || hold >= n {
		return 0
	}
	return n - hold
}

// Hold makes producers stay within n events of cursor i, or within a lap where
// that is less or n is 0, until its reader resumes or joins. The caller is as for
// ClearCursor.
func (l *Lane) Hold(i int, n uint64) {
	failpoint.Hit(stepHold)
	l.cursors[i].hold.Store(n)
	if l.short(n) > 0 {
		failpoint.Hit(stepHoldBump)
		// Producers that still believe in a whole lap look again at the next
		// event that they reserve. Pairs with pick.
		l.generation.Add(1)
	}
}

// unhold gives producers the whole lap again.
func (r *Reader) unhold() {
	if r.words.hold.Load() == 0 {
		return
	}
	failpoint.Hit(stepUnhold)
	r.words.hold.Store(0)
	r.lane.WakeRoom() // they wait for the cursor to move, and it will not at once
}

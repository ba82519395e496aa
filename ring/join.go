package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// Join starts at the tail: every event accepted after Join returns is read.
func (r *Reader) Join() {
	r.resetCounters()
	l := r.lane
	r.enter(l.tail.Load())
	failpoint.Hit(stepJoinReread)
	// Producers that had scanned before the store above had loaded a tail that
	// is not after this one, so that what they think is free lies before it.
	r.store(l.Tail())
	failpoint.Hit(stepJoined)
}

// JoinOldest starts with the oldest event that the lane still holds. Events
// before the tail may be overwritten before they are read, and count as missed.
func (r *Reader) JoinOldest() {
	r.resetCounters()
	l := r.lane
	r.enter(l.oldest(l.Tail()))
	failpoint.Hit(stepJoinBump)
	// Pairs with pick: producers drop what they believe to be safe.
	l.generation.Add(1)
	failpoint.Hit(stepJoinReread)
	r.store(l.oldest(l.Tail()))
	failpoint.Hit(stepJoined)
}

// Resume goes on where the cursor stands, as a process before this one left it.
func (r *Reader) Resume() {
	l := r.lane
	r.loadCounters()
	r.owed = r.words.owed.Load()
	r.unhold()
	for range moveTries {
		c := cursor(r.words.word.Load())
		t := l.Tail()
		pos := c.pos(t)
		if !c.joined() || before(t+uint64(l.slots), pos) {
			break
		}
		if r.gated && !c.gated() {
			// Evicted while nobody had it. What has gone meanwhile shows in the
			// position, so that stays until a Poll has counted the gap: whoever
			// dies before leaves it to the next.
			if before(pos, l.oldest(t)) {
				r.place(pos, flagJoined)
				failpoint.Hit(stepJoined)
				return
			}
			if !r.evicted {
				r.regained()
			}
		}
		if r.reenter(c, pos) {
			// What is lost before this tail is lost to an eviction, if need be to
			// one that the process before had been told of: a producer may not
			// have seen yet that it had its gate again.
			r.base, r.evicted = l.Tail(), r.evicted || r.gated && r.owed == 0
			failpoint.Hit(stepJoined)
			return
		}
	}
	// Never joined, or hostile: the tail is not so far behind. Producers did not
	// know of this position: a join, and as in Join.
	r.enter(l.Tail())
	r.base = l.Tail()
	failpoint.Hit(stepJoinReread)
	r.store(l.Tail())
	failpoint.Hit(stepJoined)
}

func (l *Lane) oldest(t uint64) uint64 {
	pos := t - uint64(l.geo.Capacity)
	if before(pos, l.start) {
		pos = l.start
	}
	return pos
}

func (r *Reader) enter(pos uint64) {
	failpoint.Hit(stepJoinHigh)
	r.lane.raiseHigh(r.index + 1)
	failpoint.Hit(stepJoinStore)
	r.store(pos)
}

// reenter is enter at the position of a cursor that was joined before, whose word
// the caller has seen as was. It returns false when the reader has been evicted
// since: a store would give it the gate back, and nobody would learn of it.
func (r *Reader) reenter(was cursor, pos uint64) bool {
	failpoint.Hit(stepJoinHigh)
	r.lane.raiseHigh(r.index + 1)
	failpoint.Hit(stepJoinStore)
	next := makeCursor(pos, 0, r.flags())
	// Pairs with Evict, as in move.
	if !r.words.word.CompareAndSwap(uint64(was), uint64(next)) {
		return false
	}
	r.placed(next, pos)
	return true
}

func (r *Reader) store(pos uint64) { r.place(pos, r.flags()) }

func (r *Reader) place(pos, flags uint64) {
	c := makeCursor(pos, 0, flags)
	r.words.word.Store(uint64(c))
	r.placed(c, pos)
}

// placed begins anew at the position that the cursor has now.
func (r *Reader) placed(c cursor, pos uint64) {
	r.word = c
	r.pos, r.pinned, r.first, r.width = pos, pos, 0, 0
	// A hint for Unread, which pairs with nothing.
	ownerStore(r.words.from, pos-r.received-r.missed-r.filtered)
	if r.gated {
		// A joiner that was held up may have held producers up.
		r.lane.wakeRoom(r.index, pos)
	}
}

func (r *Reader) flags() uint64 {
	if r.gated {
		return flagJoined | flagGated
	}
	return flagJoined
}

// flagsAt are the flags for a move to pos. A reader that was evicted takes its
// gate again only where there is something to hold: at a position that has gone
// it would stop producers for nothing.
func (r *Reader) flagsAt(pos uint64) uint64 {
	if r.gated && !r.word.gated() && before(pos+uint64(r.lane.geo.Capacity), r.lane.Tail()) {
		return flagJoined
	}
	return r.flags()
}

// regained counts an eviction, once its reader has its gate again.
func (r *Reader) regained() {
	r.base, r.evicted = r.lane.Tail(), true
	r.evictions++
	ownerStore(r.words.evictions, r.evictions)
}

func (r *Reader) resetCounters() {
	r.owed = 0
	w := r.words
	w.want.Store(0)
	w.owed.Store(0)
	w.hold.Store(0)
	r.loadCounters()
	w.began.store(r.received, r.missed, r.filtered, r.evictions)
}

package ring

import "github.com/rvoip/shmbus/internal/failpoint"

// PreferNewest makes the reader go on at the tail after each gap, and not with
// the oldest event that the lane still holds. It is called before Join and its
// kin, or Resume.
func (r *Reader) PreferNewest() { r.newest = true }

// JoinAt starts at position pos; at Tail where that is less. What the lane does
// not hold any more is a gap, of which the first Poll tells: the reader starts
// where one goes on after a gap. Events before the tail may still be overwritten
// before they are read, and count as missed.
func (r *Reader) JoinAt(pos uint64) {
	r.resetCounters()
	l := r.lane
	if next := l.Tail(); pos-l.start > next-l.start {
		pos = next
	}
	r.enter(r.held(pos))
	failpoint.Hit(stepJoinBump)
	// As in JoinOldest.
	l.generation.Add(1)
	failpoint.Hit(stepJoinReread)
	at := r.held(pos)
	r.owed = at - pos
	failpoint.Hit(stepJoinOwed)
	// In the region, so that whoever takes over from us, who may never come to
	// Poll, can tell.
	r.words.owed.Store(r.owed)
	r.store(at)
	failpoint.Hit(stepJoined)
}

// held is pos while the lane holds it, or where to go on after the gap.
func (r *Reader) held(pos uint64) uint64 {
	l := r.lane
	next := l.Tail()
	oldest := l.oldest(next)
	switch {
	case pos-l.start >= oldest-l.start:
		return pos
	case r.newest:
		return next
	}
	return oldest
}

// Owed is how many events before its position the next Poll will tell of.
func (r *Reader) Owed() uint64 { return r.owed }

// told forgets what was owed, which has been told.
func (r *Reader) told() {
	if r.owed == 0 {
		return
	}
	// It was before the position that from has been reckoned with.
	ownerStore(r.words.from, r.words.from.Load()-r.owed)
	r.owed = 0
	failpoint.Hit(stepTold)
	r.words.owed.Store(0)
}

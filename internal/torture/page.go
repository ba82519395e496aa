package torture

import "sync/atomic"

// lanePage is the part of a tracker that is about one lane: what a subscription
// has got there. One goroutine at a time writes it, but for what handlers add. A
// process may be killed between any two of its stores.
//
//	next         position that comes next, once pageKnown is set
//	pending      1 + the position of an event that is being entered; see tracker.enter
//	told         events that it was told it had missed
//	least, most  events that it has not got, by the accounts of their producers; how
//	             many there were, killed producers leave open
//	of each producer and key: from, to   the stamp of the next event lies between
//	             the two; they differ until the first has come
type lanePage []atomic.Uint64

const (
	pageKnown = iota
	pageNext
	pagePending
	pageNewLeast
	pageNewMost
	pageNewTold
	pageLag // 1 + where it goes on after a gap that is being entered
	pageTold
	pageLeast
	pageMost
	pageHolder  // who has got the last event: life and place
	pageBusy    // who is handling one, on pages of a group
	pageCount   // events entered
	pageExcused // up to so many events, what is lost may belong to an eviction before
	pageBegun   // set once the subscription exists and the page counts
	pageTimes   // when the last events were entered, ns
	pageStamps  = pageTimes + recent
	pageWords   = pageStamps + 2*producers*keys
)

// recent is how many times of events a page keeps.
const recent = 8

func (p lanePage) from(producer, key int) *atomic.Uint64 {
	return &p[pageStamps+2*(producer*keys+key)]
}

func (p lanePage) to(producer, key int) *atomic.Uint64 {
	return &p[pageStamps+2*(producer*keys+key)+1]
}

// clear forgets all, for a subscription that begins.
func (p lanePage) clear() {
	p[pageBegun].Store(0)
	for i := range p {
		p[i].Store(0)
	}
}

// count is how many numbers n with from <= n < to are key modulo keys; for key -1
// it is all of them.
func count(from, to uint64, key int) uint64 {
	if to <= from {
		return 0
	}
	if key < 0 {
		return to - from
	}
	upto := func(n uint64) uint64 { return (n + keys - 1 - uint64(key)) / keys }
	return upto(to) - upto(from)
}

// span bounds a number of events.
type span struct{ least, most uint64 }

// between tells how many events of a producer on a lane, and of a key, lie between
// two of its stamps: those that were accepted at least, those that were to be
// published at most. It returns false if it is not known any more.
func (b *book) between(producer, lane, key int, from, to stamp) (n span, known bool) {
	if to <= from {
		return span{}, true
	}
	if from.life() == to.life() {
		c := count(from.seq(), to.seq(), key)
		return span{c, c}, true
	}
	known = true
	for life := max(from.life(), 1); life < to.life(); life++ {
		a := b.account(producer, life)
		if a == nil {
			known = false
			continue
		}
		first := uint64(0)
		if life == from.life() {
			first = from.seq()
		}
		n.least += count(first, a.accepted(lane).Load(), key)
		n.most += count(first, a.intent(lane).Load(), key)
	}
	last := count(0, to.seq(), key)
	n.least += last
	n.most += last
	return n, known
}

package bus

import (
	"fmt"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// A subscriber record goes round:
//
//	free ──claim──> claimed ──cursors joined──> active ──close, death──> free
//	                   │ (durable)                 │ (durable)
//	                   └──> candidate ──────> active ──close, death──> detached ──attach──> active
//
// One that is given up is claimed again while its cursors go.
//
// The state word holds the state, its owner and a generation, so that a
// compare-and-swap never mistakes a later life for the one it has seen.
type subState uint64

const (
	subFree uint64 = iota
	subClaimed
	subCandidate
	subActive
	subDetached
)

func makeSub(state uint64, owner int, gen uint64) subState {
	return subState(gen<<24 | uint64(owner+1)<<8 | state)
}
func (s subState) state() uint64 { return uint64(s) & 0xff }

// owner is the participant that has the subscription, -1 if none.
func (s subState) owner() int  { return int(uint64(s)>>8&0xffff) - 1 }
func (s subState) gen() uint64 { return uint64(s) >> 24 }

// claimSubscriber takes a free record for participant p.
func (r *region) claimSubscriber(p int) (int, subState, error) {
	for i := range r.subscribers {
		w := r.subscribers[i].state
		was := subState(w.Load())
		if was.state() != subFree {
			continue
		}
		now := makeSub(subClaimed, p, was.gen()+1)
		if w.CompareAndSwap(uint64(was), uint64(now)) {
			failpoint.Hit(stepSubClaim)
			return i, now, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: all %d subscriptions exist; raise Subscribers in the Geometry", ErrTooMany, len(r.subscribers))
}

// find looks for the record of that role in that state.
func (r *region) find(p role, state uint64) (int, subState, bool) {
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		s := subState(rec.state.Load())
		if s.state() == state && rec.plays(p) {
			// Again, since the record may have begun another life.
			if subState(rec.state.Load()) == s {
				return i, s, true
			}
		}
	}
	return 0, 0, false
}

// nominate makes record i, claimed by us with its cursors joined, the one of that
// role, in the state of last, unless there is one. Of several that nominate for
// the same role at the same time one succeeds: each first shows its own candidacy
// and then looks for others, and takes theirs away if it comes first.
func (r *region) nominate(i int, p role, claimed, last subState) (subState, bool) {
	w := r.subscribers[i].state
	candidate := makeSub(subCandidate, claimed.owner(), claimed.gen())
	w.Store(uint64(candidate))
	failpoint.Hit(stepSubCandidate)
	for j := range r.subscribers {
		if j == i {
			continue
		}
		rec := &r.subscribers[j]
		for range durableTries {
			s := subState(rec.state.Load())
			if !rec.plays(p) {
				break
			}
			if st := s.state(); st == subActive || st == subDetached {
				w.CompareAndSwap(uint64(candidate), uint64(claimed))
				return 0, false
			} else if st != subCandidate {
				break
			}
			// Back to claimed: its owner's last step below will fail.
			if rec.state.CompareAndSwap(uint64(s), uint64(makeSub(subClaimed, s.owner(), s.gen()))) {
				break
			}
		}
	}
	failpoint.Hit(stepSubActivate)
	return last, w.CompareAndSwap(uint64(candidate), uint64(last))
}

// freeSubscriber gives record i and its cursors back.
func (r *region) freeSubscriber(i int) {
	rec := &r.subscribers[i]
	was := subState(rec.state.Load())
	// It takes nothing any more, before it lets producers go on: who must be
	// heard does not take it for a listener.
	rec.state.Store(uint64(makeSub(subClaimed, was.owner(), was.gen())))
	for _, l := range r.lanes {
		l.ClearCursor(i)
	}
	rec.lanes.Store(0)
	rec.waiting.Store(0)
	rec.kind.Store(kindPlain)
	rec.group.Store(0)
	failpoint.Hit(stepSubLeave)
	rec.state.Store(uint64(makeSub(subFree, -1, was.gen())))
}

// detachSubscriber lets go of record i and leaves its cursors where they are. A
// cursor that the record does not speak of belongs to somebody who died while he
// joined that lane: it has no position that can be resumed.
func (r *region) detachSubscriber(i int) { r.detachSince(i, shm.Now()) }

// asDetached is a durable subscription as a process found it.
type asDetached struct {
	lanes uint64
	since int64 // ns of shm.Now, as of detachSince
	pins  []int // by lane
}

func (r *region) detached(i int) asDetached {
	rec := &r.subscribers[i]
	d := asDetached{lanes: rec.lanes.Load(), since: int64(rec.since.Load())}
	for _, l := range r.lanes {
		d.pins = append(d.pins, l.Cursor(i).Reserved)
	}
	return d
}

// handBack is detachSubscriber for who has come to nothing: the subscription is as
// it was before.
func (r *region) handBack(i int, d asDetached) {
	r.subscribers[i].lanes.Store(d.lanes)
	for n, l := range r.lanes {
		if d.lanes>>n&1 != 0 && d.pins[n] > 0 && l.Cursor(i).Reserved != d.pins[n] {
			_ = l.Reserve(i, d.pins[n]) // what it has given back others may have by now
		}
	}
	r.detachSince(i, d.since)
}

// detachSince is detachSubscriber, at a time that HoldFor is reckoned from.
func (r *region) detachSince(i int, since int64) {
	rec := &r.subscribers[i]
	r.leave(i, since)
	has := rec.lanes.Load()
	for n, l := range r.lanes {
		if has>>n&1 != 0 {
			l.Unpin(i)
		} else {
			l.ClearCursor(i)
		}
	}
	rec.waiting.Store(0)
	gen := subState(rec.state.Load()).gen()
	failpoint.Hit(stepSubLeave)
	rec.state.Store(uint64(makeSub(subDetached, -1, gen)))
}

// recoverSubscriber gives back what the dead owner of record i held: the record,
// or of a durable subscription only the owner's hold on it.
func (r *region) recoverSubscriber(i int) {
	rec := &r.subscribers[i]
	if rec.kind.Load() != kindPlain {
		r.recoverGroup(i)
		return
	}
	if subState(rec.state.Load()).state() == subActive && rec.durable.get() != "" {
		r.detachSubscriber(i)
		return
	}
	r.freeSubscriber(i)
}

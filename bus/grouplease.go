package bus

import (
	"cmp"
	"slices"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// What a member does with its leases. The mutex of acks guards them.

// kept is how many leases this member has and keeps.
func (s *Subscription) kept() (n int) {
	for _, l := range s.lanes {
		if !l.leaving {
			n++
		}
	}
	return n
}

// keeps is how many of them are of a priority.
func (s *Subscription) keeps(p Priority) (n int) {
	for _, l := range s.lanes {
		if !l.leaving && l.priority == p {
			n++
		}
	}
	return n
}

// closeLanes takes nothing more from n lanes, and lets go of those of which nothing
// is out; of the others with the last Ack.
func (s *Subscription) closeLanes(n int, now int64) {
	for ; n > 0; n-- {
		if l := s.surplus(); l != nil {
			s.closeLane(l, now)
		}
	}
}

// surplus is the lane to let go of first: of the priority of which this member has
// most, the one of which least is out.
func (s *Subscription) surplus() (best *subLane) {
	for _, l := range s.lanes {
		if l.leaving {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(s.keeps(best.priority), s.keeps(l.priority)), cmp.Compare(l.out, best.out)) < 0 {
			best = l
		}
	}
	return best
}

// closeLane takes nothing more from a lane, and lets go of it if nothing is out.
func (s *Subscription) closeLane(l *subLane, now int64) {
	l.leaving, l.shut, l.since = true, true, now
	s.vacate(l)
}

// hurry lets others go in place of lanes that wait for what is out for too long.
func (s *Subscription) hurry(now int64) {
	for _, slow := range slices.Clone(s.lanes) {
		if !slow.leaving || now-slow.since < letGoWithin {
			continue
		}
		if i := slices.IndexFunc(s.lanes, func(l *subLane) bool { return !l.leaving && l.out == 0 }); i >= 0 {
			s.closeLane(s.lanes[i], now)
			slow.stay()
		}
	}
}

// reopen keeps lanes that were to be let go, up to the share.
func (s *Subscription) reopen(target int) {
	for _, l := range s.lanes {
		if l.leaving && s.kept() < target {
			l.stay()
		}
	}
}

// stay takes from the lane again.
func (l *subLane) stay() { l.leaving, l.shut = false, false }

// claim takes a lease that is free.
func (s *Subscription) claim(f freeLease) {
	r := s.bus.region
	rec := &r.subscribers[f.record]
	mine := makeSub(subActive, s.bus.self, f.word.gen()+1)
	failpoint.Hit(stepGroupTake)
	if !rec.state.CompareAndSwap(uint64(f.word), uint64(mine)) {
		return
	}
	failpoint.Hit(stepGroupClaim)
	delete(s.group.since, f.record)
	rec.holder.Store(uint64(s.record + 1))
	rec.name.put(s.name)
	rec.setHold(&s.group.o)
	l := &subLane{lane: r.lanes[f.lane], record: f.record}
	if err := s.openLane(l, &s.group.o, true); err != nil {
		s.acks.err = err
		rec.holder.Store(0)
		r.detachSubscriber(f.record)
		return
	}
	if s.ending.Load() {
		l.reader.StopAt(s.ends[l.index])
	}
	l.base = l.count(l.record)
	_ = l.keepAcks(s) // nothing has been handed out
	at := slices.IndexFunc(s.lanes, func(o *subLane) bool { return o.lane.index > l.index })
	if at < 0 {
		at = len(s.lanes)
	}
	s.lanes = slices.Insert(s.lanes, at, l)
}

// pickUp takes a lease that nobody has and that has events before the end of its
// lane, whatever the share: a member whose bus drains leaves none of them behind.
func (g *membership) pickUp(s *Subscription) bool {
	r := s.bus.region
	g.scan(r, shm.Now())
	for i := range g.free {
		f := g.free[i]
		// Modular, as positions are.
		if int64(s.ends[f.lane]-r.lanes[f.lane].Cursor(f.record).Position) <= 0 {
			continue
		}
		had := len(s.lanes)
		if s.claim(f); len(s.lanes) > had {
			return true
		}
	}
	return false
}

// vacate lets go of a lane that is leaving, once nothing of it is out.
func (s *Subscription) vacate(l *subLane) {
	if !l.leaving || l.out > 0 {
		return
	}
	if err := l.pass(); err != nil {
		s.acks.err = err
	}
	r, g := s.bus.region, s.group
	g.past.add(l.count(l.record).minus(l.base))
	s.lanes = slices.DeleteFunc(s.lanes, func(o *subLane) bool { return o == l })
	failpoint.Hit(stepGroupLetGo)
	r.subscribers[l.record].holder.Store(0)
	r.detachSubscriber(l.record)
	g.freed = true
}

// leaveGroup ends the membership: nothing more is taken, and what nothing is out
// of is let go.
func (s *Subscription) leaveGroup() {
	a := s.acks
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.viewed {
		a.forget() // copies: whoever has them may still be at work, so they come again
	}
	a.finishLast(false)
	r := s.bus.region
	failpoint.Hit(stepGroupLeave)
	// Not counted any more, but still there: its leases may have to wait.
	r.subscribers[s.record].state.Store(uint64(makeSub(subClaimed, s.bus.self, s.word.gen())))
	for _, l := range slices.Clone(s.lanes) { // those that were leaving, too: forget may have been the last
		s.closeLane(l, shm.Now())
	}
	s.group.freed = true
	s.group.tell(s)
}

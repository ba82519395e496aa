package bus

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// membership is what a member of a group knows of it. The mutex of acks guards it.
type membership struct {
	groupRef
	o    SubscribeOptions
	seen uint64      // epoch of the last look
	crew uint64      // who the members were then
	due  atomic.Bool // a look without a change of the epoch is due

	lacking bool  // it had less than its share at the last look
	asked   int64 // when it asked for more last
	tended  int64 // when it tended the group last
	freed   bool  // it has let go of something that the others do not know of

	members []memberCount      // as of the last look
	owners  []int              // participants that have part in the group
	free    []freeLease        // leases that nobody has
	since   map[int]*freeLease // since when, by record
	past    SubscriberStats    // of the leases it had
}

type memberCount struct{ record, leases int }

type freeLease struct {
	record, lane int
	word         subState
	since        int64
}

const (
	// leftOver is how long a lease may be nobody's before a member takes it
	// beyond its share: who should have it stands still. Nobody is taken for
	// dead by it.
	leftOver = int64(100 * time.Millisecond)
	// askEvery is how often a member asks the others for what it lacks.
	askEvery = int64(250 * time.Millisecond)
	// letGoWithin is how long a lease that is to be let go waits for what is
	// out before another is let go in its place, if one can be at once.
	letGoWithin = int64(time.Second)
)

// begun starts the member's part.
func (s *Subscription) begun(g groupRef, o *SubscribeOptions) {
	s.lanes = nil
	s.acks = &acks{}
	s.group = &membership{groupRef: g, o: *o, since: make(map[int]*freeLease)}
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	s.group.freed = true // a member more
	s.group.tell(s)
	s.group.look(s)
}

// attend looks at the group if it has changed. The mutex is held.
func (g *membership) attend(s *Subscription) {
	// Pairs with the Add in groupChanged.
	if g.epoch.Load() != g.seen || g.due.Load() {
		g.look(s)
	}
	g.tell(s)
}

// tell lets the others know of what was let go.
func (g *membership) tell(s *Subscription) {
	if g.freed {
		g.freed = false
		g.bumped(s.bus.region.groupChanged(g.id))
	}
}

// bumped notes that we have changed the epoch: that is nothing to look at.
func (g *membership) bumped(epoch uint64) {
	if epoch == g.seen+1 {
		g.seen = epoch
	}
}

// tend is called by a member that sleeps, now and then: it recovers who has died,
// and takes what nobody else does.
func (g *membership) tend(s *Subscription) {
	b, now := s.bus, shm.Now()
	if now-g.tended < int64(b.opts.Heal) {
		return
	}
	g.tended = now
	for _, p := range g.owners {
		b.probe(p)
	}
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	g.look(s)
	g.tell(s)
}

// look brings what this member has to what is its share: it lets go of what is
// too much, and takes of what is free what it lacks. Without a change in the group
// it lets go of nothing: what nobody took may just have come back to us.
func (g *membership) look(s *Subscription) {
	r, now := s.bus.region, shm.Now()
	g.due.Store(false)
	epoch := g.epoch.Load()
	total, crew := g.scan(r, now)
	changed := epoch != g.seen || crew != g.crew || g.lacking && now-g.asked >= askEvery
	g.seen, g.crew = epoch, crew
	if s.ending.Load() {
		return // it keeps what it has until that is worked off, and picks up the rest
	}
	target := share(total, g.members, s.record)
	if open := s.kept(); changed && open > target {
		s.closeLanes(open-target, now)
	}
	s.hurry(now)
	s.reopen(target)
	// Members begin at different places, so as not to meet.
	rank := slices.IndexFunc(g.members, func(m memberCount) bool { return m.record == s.record })
	first := 0
	if n := len(g.free); n > 0 && rank > 0 {
		first = rank * n / len(g.members)
	}
	left := (len(g.free) + len(g.members) - 1) / max(1, len(g.members))
	for i := range g.free {
		f := &g.free[(first+i)%len(g.free)]
		switch {
		case s.kept() < target:
			s.claim(f)
		case now-f.since >= leftOver && left > 0:
			left--
			s.claim(f)
		}
	}
	g.lacking = s.kept() < target
	if g.lacking && changed && now-g.asked >= askEvery {
		g.asked = now
		g.bumped(r.groupChanged(g.id))
	}
}

// scan reads who is in the group and what is free. It returns how many leases
// there are, and a number that changes with the members.
func (g *membership) scan(r *region, now int64) (total int, crew uint64) {
	g.members, g.owners, g.free = g.members[:0], g.owners[:0], g.free[:0]
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		word := subState(rec.state.Load())
		if word.state() == subFree || rec.group.Load() != g.id {
			continue
		}
		if o := word.owner(); o >= 0 && !slices.Contains(g.owners, o) {
			g.owners = append(g.owners, o)
		}
		switch kind, st := rec.kind.Load(), word.state(); {
		case kind == kindMember && st == subActive:
			g.members = append(g.members, memberCount{record: i})
			crew = crew*1099511628211 + uint64(word)
		case kind == kindLease && st == subDetached:
			total++
			g.noteFree(r, i, word, now)
		case kind == kindLease && st == subActive:
			total++
		}
	}
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		if rec.kind.Load() != kindLease || rec.group.Load() != g.id || subState(rec.state.Load()).state() != subActive {
			continue
		}
		holder := int(rec.holder.Load()) - 1
		if m := slices.IndexFunc(g.members, func(m memberCount) bool { return m.record == holder }); m >= 0 {
			g.members[m].leases++
		}
	}
	return total, crew
}

// noteFree notes a lease that nobody has.
func (g *membership) noteFree(r *region, i int, word subState, now int64) {
	lane := slices.IndexFunc(r.lanes, func(l *lane) bool { return r.subscribers[i].lanes.Load() == l.bit() })
	if lane < 0 {
		return // no record of ours
	}
	f := g.since[i]
	if f == nil || f.word != word {
		f = &freeLease{i, lane, word, now}
		g.since[i] = f
	}
	g.free = append(g.free, *f)
}

// share is how many of the leases a member should have: an equal part, and one
// more for as many members as it takes. Those that have most have that one, so
// that as few as possible move.
func share(leases int, members []memberCount, me int) int {
	i := slices.IndexFunc(members, func(m memberCount) bool { return m.record == me })
	if i < 0 {
		return 0
	}
	before := 0
	for _, m := range members {
		if c := cmp.Or(cmp.Compare(m.leases, members[i].leases), cmp.Compare(me, m.record)); c > 0 {
			before++
		}
	}
	part := leases / len(members)
	if before < leases%len(members) {
		part++
	}
	return part
}

// kept is how many leases this member has and keeps.
func (s *Subscription) kept() (n int) {
	for _, l := range s.lanes {
		if !l.leaving {
			n++
		}
	}
	return n
}

// closeLanes takes nothing more from n lanes, and lets go of those of which nothing
// is out; of the others with the last Ack.
func (s *Subscription) closeLanes(n int, now int64) {
	all := slices.Clone(s.lanes)
	// First those of which least is out.
	slices.SortStableFunc(all, func(a, b *subLane) int { return cmp.Compare(a.out, b.out) })
	for _, l := range all {
		if n == 0 {
			return
		}
		if !l.leaving {
			n--
			s.closeLane(l, now)
		}
	}
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
func (s *Subscription) claim(f *freeLease) {
	r := s.bus.region
	rec := &r.subscribers[f.record]
	mine := makeSub(subActive, s.bus.self, f.word.gen()+1)
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
		f := &g.free[i]
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
	s.closeLanes(len(s.lanes), shm.Now())
	s.group.freed = true
	s.group.tell(s)
}

// countGroup counts what this member saw, on the leases it has and had.
func (s *Subscription) countGroup() SubscriberStats {
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	st := s.group.past
	st.Wakeups = s.bus.region.subscribers[s.record].wakeups.Load()
	for _, l := range s.lanes {
		now := l.count(l.record)
		st.add(now.minus(l.base))
		st.Depth += now.Depth
	}
	return st
}

// tendGroups makes the members of this process look at their groups, for those
// that never sleep.
func (b *Bus) tendGroups() {
	b.subMu.Lock()
	defer b.subMu.Unlock()
	for s := range b.subs {
		if s.group != nil {
			s.group.due.Store(true)
		}
	}
}

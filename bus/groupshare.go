package bus

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

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
	s.acks, s.only = &acks{}, nil
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
	most := (len(g.free) + len(g.members) - 1) / max(1, len(g.members)) // of what is left over
	g.spread(s)
	for len(g.free) > 0 && s.kept() < target {
		s.claim(g.pick(s))
	}
	for ; most > 0; most-- {
		if i := slices.IndexFunc(g.free, func(f freeLease) bool { return now-f.since >= leftOver }); i >= 0 {
			s.claim(g.take(i))
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

// spread lets members begin at different places of what is free, so as not to meet.
func (g *membership) spread(s *Subscription) {
	rank := slices.IndexFunc(g.members, func(m memberCount) bool { return m.record == s.record })
	if n := len(g.free); n > 0 && rank > 0 {
		first := rank * n / len(g.members)
		g.free = append(slices.Clone(g.free[first:]), g.free[:first]...)
	}
}

// pick takes a free lease of the priority of which this member has least, so that
// no member comes to have all lanes of one.
func (g *membership) pick(s *Subscription) freeLease {
	best := 0
	for i := range g.free {
		if s.keeps(s.bus.region.lanes[g.free[i].lane].priority) < s.keeps(s.bus.region.lanes[g.free[best].lane].priority) {
			best = i
		}
	}
	return g.take(best)
}

// take takes a lease out of what is free.
func (g *membership) take(i int) freeLease {
	f := g.free[i]
	g.free = slices.Delete(g.free, i, i+1)
	return f
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

package bus

import (
	"fmt"
	"hash/fnv"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// What a subscriber record is. The members of a group share one record that says
// what they agree on, have one each that says that they live, and lease from each
// other the group's cursors, one record for each lane.
//
//	group    candidate ──> detached (decided) ──RemoveGroup──> claimed ──> free
//	member   claimed ──> active ──Close──> claimed (leaving) ──last Ack──> free
//	lease    candidate ──> detached <──claim, let go, death──> active
//
// A lease is a durable subscription to one lane whose owner changes: what holds of
// those in eviction, hold-back, resuming and recovery holds of it. All three have
// the name of the group where a durable subscription has its own.
const (
	kindPlain uint32 = iota // a subscription, durable or not
	kindGroup
	kindMember
	kindLease
)

// A group is known by the record that decides on it and the life of that record,
// so that what belongs to a group that has been removed does not belong to one
// made anew:
//
//	63 ── generation ── 16 │ 15 ── record ── 0
func makeGroupID(i int, w subState) uint64 { return w.gen()<<16 | uint64(i) }

// role is what there is to be one record of: a durable name, a group's name, or a
// group's lease of a lane.
type role struct {
	kind  uint32
	name  string // but of a lease
	group uint64 // of a lease
	lane  uint64 // of a lease, its bit
}

func (rec *subscriberRecord) plays(p role) bool {
	if rec.kind.Load() != p.kind {
		return false
	}
	if p.kind == kindLease {
		return rec.group.Load() == p.group && rec.lanes.Load() == p.lane
	}
	return rec.durable.get() == p.name
}

// groupRef is a group as somebody has found it.
type groupRef struct {
	*subscriberRecord
	id   uint64
	word subState
}

// findGroup finds the group of that name that has been decided on.
func (r *region) findGroup(name string) (groupRef, bool) {
	i, word, ok := r.find(role{kind: kindGroup, name: name}, subDetached)
	if !ok {
		return groupRef{}, false
	}
	g := groupRef{&r.subscribers[i], r.subscribers[i].group.Load(), word}
	return g, r.groupAt(g.id) == g.subscriberRecord
}

// groupAt returns the record of a group, nil if there is no such group any more.
func (r *region) groupAt(id uint64) *subscriberRecord {
	i := int(id & 0xffff)
	if id == 0 || i >= len(r.subscribers) {
		return nil
	}
	rec := &r.subscribers[i]
	if rec.kind.Load() != kindGroup || rec.group.Load() != id || subState(rec.state.Load()).state() != subDetached {
		return nil
	}
	return rec
}

// groupChanged makes the members of a group look at it again. It returns the
// group's epoch, 0 if it is gone.
func (r *region) groupChanged(id uint64) uint64 {
	rec := r.groupAt(id)
	if rec == nil {
		return 0
	}
	failpoint.Hit(stepGroupEpoch)
	// Pairs with the load in attend and ready: what has changed was stored before.
	epoch := rec.epoch.Add(1)
	r.bell.Wake(allNudges)
	return epoch
}

// foundGroup makes the group of that name, unless there is one: then it does
// nothing.
func (s *Subscription) foundGroup(o *SubscribeOptions) error {
	r, b := s.bus.region, s.bus
	i, word, err := r.claimSubscriber(b.self)
	if err != nil {
		return err
	}
	rec := &r.subscribers[i]
	rec.kind.Store(kindGroup)
	rec.group.Store(makeGroupID(i, word))
	rec.name.put(o.Group)
	rec.durable.put(o.Group)
	rec.scope.Store(s.bits())
	rec.types.put(s.wanted)
	rec.filter.Store(filterHash(o))
	rec.epoch.Store(1)
	rec.holder.Store(b.incarnation())
	failpoint.Hit(stepGroupFound)
	if _, ok := r.nominate(i, role{kind: kindGroup, name: o.Group}, word, makeSub(subDetached, -1, word.gen())); !ok {
		r.freeSubscriber(i)
	}
	return nil
}

// incarnation names this participant's life. It is what a group has for a holder
// until all its leases exist: who makes them.
func (b *Bus) incarnation() uint64 {
	return b.region.participants[b.self].incarnation.Load()<<16 | uint64(b.self+1)
}

// abandoned tells whether a group has not all its leases, and who was to make
// them has died.
func (b *Bus) abandoned(g groupRef) bool {
	maker := g.holder.Load()
	if maker == 0 || maker == b.incarnation() {
		return false
	}
	i := int(maker&0xffff) - 1
	if i < 0 || i >= len(b.region.participants) {
		return true
	}
	b.recoverIfDead(i)
	p := &b.region.participants[i]
	return p.state.Load() != participantActive || p.incarnation.Load()<<16|uint64(i+1) != maker
}

// agrees returns what this subscription and a group want differently.
func (s *Subscription) agrees(g groupRef, o *SubscribeOptions) []string {
	var d []string
	if g.filter.Load() != filterHash(o) {
		d = append(d, fmt.Sprintf("filter %q here, another in the group", o.Filter))
	}
	scope, mine := g.scope.Load(), s.bits()
	for i, l := range s.bus.region.lanes {
		switch here, there := mine>>i&1 != 0, scope>>i&1 != 0; {
		case here && !there:
			d = append(d, fmt.Sprintf("lane %s here, not in the group", l.name()))
		case there && !here:
			d = append(d, fmt.Sprintf("lane %s in the group, not here", l.name()))
		}
	}
	if theirs := g.types.all(); theirs != (s.wanted == nil) {
		if theirs {
			return append(d, "some types here, all in the group")
		}
		return append(d, "all types here, some in the group")
	}
	for _, t := range s.bus.region.types.list() {
		switch here, there := s.wanted != nil && s.wanted[t.id], s.wanted != nil && g.types.has(t.id); {
		case here && !there:
			d = append(d, fmt.Sprintf("type %s here, not in the group", t.name))
		case there && !here:
			d = append(d, fmt.Sprintf("type %s in the group, not here", t.name))
		}
	}
	return d
}

// filterHash stands for the filter in the group's record. Functions all look the
// same.
func filterHash(o *SubscribeOptions) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(o.Filter.String()))
	return h.Sum64()
}

// enroll makes this subscription a member, unless the group is being removed. Who
// removes it looks for members and then takes the very word that a member must
// have changed: of the two one fails.
func (s *Subscription) enroll(g groupRef, o *SubscribeOptions) (bool, error) {
	r, b := s.bus.region, s.bus
	i, word, err := r.claimSubscriber(b.self)
	if err != nil {
		return false, err
	}
	rec := &r.subscribers[i]
	rec.kind.Store(kindMember)
	rec.group.Store(g.id)
	rec.name.put(s.name)
	rec.durable.put(o.Group)
	if o.serves != 0 {
		rec.serve(word, o.serves)
	}
	s.record, s.word = i, makeSub(subActive, b.self, word.gen())
	s.counts = &rec.counts
	rec.wakeups.Store(0)
	failpoint.Hit(stepGroupMember)
	rec.state.Store(uint64(s.word))
	for range durableTries {
		was := subState(g.state.Load())
		if r.groupAt(g.id) == nil {
			break
		}
		failpoint.Hit(stepGroupEnroll)
		if g.state.CompareAndSwap(uint64(was), uint64(makeSub(subDetached, -1, was.gen()+1))) {
			return true, nil
		}
	}
	r.freeSubscriber(i)
	return false, nil
}

// makeLease makes the group's cursor on a lane, unless there is one.
func (s *Subscription) makeLease(g groupRef, l *subLane, o *SubscribeOptions) error {
	r := s.bus.region
	p := role{kind: kindLease, group: g.id, lane: l.bit()}
	// Of several that make it at the same time all may lose: look again.
	for range groupTries {
		if _, _, ok := r.find(p, subDetached); ok {
			return nil
		}
		if _, _, ok := r.find(p, subActive); ok {
			return nil
		}
		if err := s.nominateLease(p, l, o); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: the lease of lane %s is neither there nor gone", ErrCorrupt, l.name())
}

// nominateLease makes a cursor and nominates it for the lease.
func (s *Subscription) nominateLease(p role, l *subLane, o *SubscribeOptions) error {
	r := s.bus.region
	i, word, err := r.claimSubscriber(s.bus.self)
	if err != nil {
		return err
	}
	rec := &r.subscribers[i]
	rec.kind.Store(kindLease)
	rec.group.Store(p.group)
	rec.name.put(o.Group)
	rec.durable.put(o.Group)
	rec.holder.Store(0)
	rec.types.put(s.wanted)
	cursor := subLane{lane: l.lane, record: i}
	if err := s.openLane(&cursor, o, false); err != nil {
		r.freeSubscriber(i)
		return err
	}
	rec.lanes.Store(p.lane)
	rec.setHold(o)
	r.leave(i, shm.Now())
	failpoint.Hit(stepGroupLease)
	if _, ok := r.nominate(i, p, word, makeSub(subDetached, -1, word.gen())); !ok {
		r.freeSubscriber(i)
	}
	return nil
}

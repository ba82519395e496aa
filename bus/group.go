package bus

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
)

// groupTries bounds how often joining or removing a group may be lost to others.
const groupTries = 256

// joinGroup makes this subscription a member of its group, and makes the group if
// there is none. When it returns, the group has a cursor on every lane.
//
// Each round loses to somebody who makes the group or removes it.
func (s *Subscription) joinGroup(o *SubscribeOptions) error {
	b, r := s.bus, s.bus.region
	for range groupTries {
		g, ok := r.findGroup(o.Group)
		if !ok {
			if err := s.foundGroup(o); err != nil {
				return s.noRoom(o, err)
			}
			continue
		}
		if b.abandoned(g) && b.removeGroup(g, o.Group) == nil {
			continue // made by somebody who died over it
		}
		if d := s.agrees(g, o); len(d) > 0 {
			if r.groupAt(g.id) == nil {
				continue // the record is another's by now
			}
			return &GroupError{Group: o.Group, Differences: d}
		}
		ok, err := s.enroll(g, o)
		if err != nil {
			return s.noRoom(o, err)
		}
		if !ok {
			continue
		}
		if err := s.makeLeases(g, o); err != nil {
			r.freeSubscriber(s.record)
			_ = b.removeGroup(g, o.Group) // if nobody else is in it, and it is not whole
			return s.noRoom(o, err)
		}
		s.begun(g, o)
		return nil
	}
	return fmt.Errorf("%w: group %q is neither there nor gone", ErrCorrupt, o.Group)
}

// makeLeases makes those of the group's leases that do not exist, whoever began.
func (s *Subscription) makeLeases(g groupRef, o *SubscribeOptions) (err error) {
	for try := range recoveryTries {
		if try > 0 {
			// Others that make the same lease hold a record and pins until
			// they see that they have lost.
			if !s.bus.region.others(g.id) {
				return err
			}
			time.Sleep(recoveryPause)
		}
		err = nil
		for _, l := range s.lanes {
			if err = s.makeLease(g, l, o); err != nil {
				break
			}
		}
		if err == nil {
			failpoint.Hit(stepGroupWhole)
			g.holder.Store(0)
			return nil
		}
		if !errors.Is(err, ErrTooMany) && !errors.Is(err, ErrPinBudget) {
			return err
		}
	}
	return err
}

// others tells whether somebody is about to make a lease of the group.
func (r *region) others(group uint64) bool {
	return slices.ContainsFunc(r.subscribers, func(rec subscriberRecord) bool {
		st := subState(rec.state.Load()).state()
		return (st == subClaimed || st == subCandidate) && rec.kind.Load() == kindLease && rec.group.Load() == group
	})
}

// noRoom says what a group needs, to a table that is full.
func (s *Subscription) noRoom(o *SubscribeOptions, err error) error {
	if errors.Is(err, ErrTooMany) {
		return fmt.Errorf("group %q takes %d records of that table, one for each lane and one for itself, and one for each member: %w",
			o.Group, len(s.lanes)+1, err)
	}
	return fmt.Errorf("group %q: %w", o.Group, err)
}

// RemoveGroup forgets a group that has no members: its cursors, and its share of
// the pin budgets. It returns ErrNotExist if there is none of that name, and an
// *InUseError while a process is in it, or has deliveries of it out.
func (b *Bus) RemoveGroup(name string) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	return b.guard(func() error {
		g, ok := b.region.findGroup(name)
		if !ok {
			return fmt.Errorf("bus %s: group %q: %w", b.Name(), name, ErrNotExist)
		}
		return b.removeGroup(g, name)
	})
}

// removeGroup removes a group, or does nothing if it is gone.
func (b *Bus) removeGroup(g groupRef, name string) error {
	r := b.region
	for range groupTries {
		was := subState(g.state.Load())
		if r.groupAt(g.id) == nil {
			return nil
		}
		for i := range r.subscribers {
			rec := &r.subscribers[i]
			owner := subState(rec.state.Load()).owner()
			if owner < 0 || rec.group.Load() != g.id || rec.kind.Load() == kindGroup {
				continue
			}
			if owner == b.self || !b.recovered(owner) {
				return b.held(name, owner, true)
			}
		}
		failpoint.Hit(stepGroupRemove)
		// Fails if somebody has enrolled since.
		mine := makeSub(subClaimed, b.self, was.gen()+1)
		if g.state.CompareAndSwap(uint64(was), uint64(mine)) {
			r.forgetGroup(int(g.id&0xffff), mine.owner())
			return nil
		}
	}
	return fmt.Errorf("%w: group %q changes all the time", ErrCorrupt, name)
}

// forgetGroup frees the leases of a group that is being removed, or that was not
// decided on, and then record i, which is the group's. owner has it, or is dead and
// has left it to us. It may be killed anywhere and started over.
func (r *region) forgetGroup(i, owner int) {
	id := r.subscribers[i].group.Load()
	for j := range r.subscribers {
		rec := &r.subscribers[j]
		s := subState(rec.state.Load())
		if s.state() != subDetached || rec.kind.Load() != kindLease || rec.group.Load() != id {
			continue
		}
		if rec.state.CompareAndSwap(uint64(s), uint64(makeSub(subClaimed, owner, s.gen()+1))) {
			failpoint.Hit(stepGroupForget)
			r.freeSubscriber(j)
		}
	}
	r.freeSubscriber(i)
}

// recoverGroup gives back what the dead owner of record i held of a group.
func (r *region) recoverGroup(i int) {
	rec := &r.subscribers[i]
	group, s := rec.group.Load(), subState(rec.state.Load())
	switch {
	case rec.kind.Load() == kindGroup:
		r.forgetGroup(i, s.owner())
		return
	case rec.kind.Load() == kindLease && s.state() == subActive && r.groupAt(group) != nil:
		rec.holder.Store(0)
		r.detachSubscriber(i)
	default:
		r.freeSubscriber(i)
	}
	r.groupChanged(group)
}

// sleeper is the subscription that sleeps for record i: itself, or the member that
// has the lease.
func (r *region) sleeper(i int) int {
	if rec := &r.subscribers[i]; rec.kind.Load() == kindLease {
		if j := int(rec.holder.Load()) - 1; j >= 0 && j < len(r.subscribers) {
			return j
		}
	}
	return i
}

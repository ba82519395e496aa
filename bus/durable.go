package bus

import (
	"fmt"
	"strings"

	"github.com/rvoip/shmbus/internal/failpoint"
)

// durableTries bounds how often that may be lost: a record that contradicts
// itself is never won.
const durableTries = 1 << 12

// joinDurable takes over the durable subscription of that name, or makes it.
//
// Each round loses to somebody who made it, took it, or left it.
func (s *Subscription) joinDurable(o *SubscribeOptions) error {
	r, b := s.bus.region, s.bus
	for range durableTries {
		if i, word, ok := r.find(role{name: o.Durable}, subDetached); ok {
			active := makeSub(subActive, b.self, word.gen()+1)
			if !r.subscribers[i].state.CompareAndSwap(uint64(word), uint64(active)) {
				continue
			}
			failpoint.Hit(stepSubResume)
			s.record, s.word = i, active
			s.counts = &r.subscribers[i].counts
			before := r.detached(i)
			if gone := before.lanes &^ s.bits(); gone != 0 {
				r.handBack(i, before)
				return s.narrower(o.Durable, gone)
			}
			if err := s.start(o, before.lanes); err != nil {
				r.handBack(i, before)
				return err
			}
			r.subscribers[i].name.put(s.name)
			failpoint.Hit(stepSubTypes)
			r.subscribers[i].types.put(s.wanted)
			r.subscribers[i].setHold(o)
			return nil
		}
		if _, word, ok := r.find(role{name: o.Durable}, subActive); ok {
			if b.recovered(word.owner()) {
				continue
			}
			return b.held(o.Durable, word.owner(), false)
		}
		if err := s.join(o); err != nil {
			return err
		}
		if word, ok := r.nominate(s.record, role{name: o.Durable}, s.word, makeSub(subActive, b.self, s.word.gen())); ok {
			s.word = word
			return nil
		}
		r.freeSubscriber(s.record)
	}
	return fmt.Errorf("%w: durable subscription %q is neither free nor held by anybody", ErrCorrupt, o.Durable)
}

// narrower is the error of a durable subscription that would forget lanes.
func (s *Subscription) narrower(durable string, gone uint64) error {
	lanes := s.bus.region.lanes
	if gone>>len(lanes) != 0 {
		return fmt.Errorf("%w: durable subscription %q has lanes %#x, and there are %d", ErrCorrupt, durable, gone, len(lanes))
	}
	var names []string
	for i, l := range lanes {
		if gone>>i&1 != 0 {
			names = append(names, l.name())
		}
	}
	return fmt.Errorf("%w: durable subscription %q reads lanes %s, too; ask for them in Priorities, or forget it with RemoveDurable",
		ErrOptions, durable, strings.Join(names, ", "))
}

// RemoveDurable forgets a durable subscription that no process has: its cursors,
// and its share of the pin budgets. It returns ErrNotExist if there is none of
// that name, and an *InUseError while a process has it.
func (b *Bus) RemoveDurable(name string) error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	return b.guard(func() error {
		r := b.region
		for range durableTries {
			if i, word, ok := r.find(role{name: name}, subDetached); ok {
				mine := makeSub(subClaimed, b.self, word.gen()+1)
				if !r.subscribers[i].state.CompareAndSwap(uint64(word), uint64(mine)) {
					continue
				}
				failpoint.Hit(stepSubClaim)
				r.freeSubscriber(i)
				return nil
			}
			_, word, ok := r.find(role{name: name}, subActive)
			switch {
			case !ok:
				return fmt.Errorf("bus %s: durable subscription %q: %w", b.Name(), name, ErrNotExist)
			case !b.recovered(word.owner()):
				return b.held(name, word.owner(), false)
			}
		}
		return fmt.Errorf("%w: durable subscription %q is neither free nor held by anybody", ErrCorrupt, name)
	})
}

// held is the error of a durable subscription, or a group, that a process has.
func (b *Bus) held(name string, owner int, group bool) error {
	if owner < 0 || owner >= len(b.region.participants) {
		return fmt.Errorf("%w: owner %d of durable subscription %q", ErrCorrupt, owner, name)
	}
	p := &b.region.participants[owner]
	e := &InUseError{Durable: name, PID: int(p.pid.Load()), Process: p.name.get()}
	if group {
		e.Durable, e.Group = "", name
	}
	return e
}

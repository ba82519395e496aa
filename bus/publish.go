package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// publish is the path of a single event.
func (p *publisher) publish(ctx context.Context, value []byte, w *With, wait bool) error {
	lane, swift, err := 0, p.alone != nil && w == &noWith, error(nil)
	if !swift {
		if lane, err = p.route(w); err != nil {
			return err
		}
	}
	if wait {
		if err := ended(ctx); err != nil {
			return err
		}
	}
	for heard := false; ; {
		if swift {
			err = p.swift(value)
		} else {
			err = p.attempt(lane, value, w, heard)
		}
		if err == nil {
			return nil
		}
		if heard, err = p.refused(ctx, lane, err, wait); err != nil {
			return err
		}
	}
}

// swift is attempt of a publisher that is alone: a value without anything beside it,
// to the only lane, through a seat of its own.
func (p *publisher) swift(value []byte) (err error) {
	s := p.alone
	s.mu.Lock()
	defer s.leave(protect(), &err)
	if s.closed || s.draining {
		if err := p.shut(s); err != nil {
			return err
		}
	}
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		return s.explain(err)
	}
	level, at := &p.levels[0], int64(0)
	if level.stamp {
		at = shm.Now()
	}
	copy(slot[eventHeader:], value)
	makeRaw(uint32(p.typ.id), uint16(p.bus.self), 0, uint32(len(value)), 0, 0, at).put(slot)
	if _, err := s.prod.Publish(cell); err != nil {
		s.prod.Cancel(cell)
		return p.failed(s, err)
	}
	if i := p.typ.id - 1; p.bus.region.bell.Ring(level.bit) {
		p.tally(s, 0, 1, 1)
	} else {
		s.way.run++
		word.OwnerAdd(&p.tallies[s.number].published, 1)
		word.OwnerAdd(&s.counts.published[i], 1)
	}
	return nil
}

// attempt publishes one event if there is room. heard says that somebody who
// listens has just been found.
func (p *publisher) attempt(lane int, value []byte, w *With, heard bool) (err error) {
	s, err := p.take(lane)
	if err != nil {
		return err
	}
	defer s.leave(protect(), &err)
	if p.audience != nil && !heard && !p.audience.listens(s.use, lane) {
		return errUnheard
	}
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		return p.attemptElsewhere(lane, s, err, value, w)
	}
	return p.put(lane, s, cell, slot, value, w)
}

// attemptElsewhere publishes through another seat of this process when the slots
// of one, which is locked, are out.
func (p *publisher) attemptElsewhere(lane int, not *seat, err error, value []byte, w *With) error {
	s, cell, slot, err := p.elsewhere(lane, not, err)
	if err != nil {
		return err
	}
	defer s.mu.Unlock() // the other one is still locked: no time to make way
	return p.put(lane, s, cell, slot, value, w)
}

// put fills a reserved slot and publishes it.
func (p *publisher) put(lane int, s *seat, cell int, slot, value []byte, w *With) error {
	p.fill(slot, value, w, 0)
	if w.Key != 0 {
		s.prod.Tag(cell, ring.Tag(w.Key))
	}
	if _, err := s.prod.Publish(cell); err != nil {
		s.prod.Cancel(cell)
		return p.failed(s, err)
	}
	p.accepted(s, lane, 1, w.Priority)
	if w.Key != 0 {
		p.ringKey(s, lane, w.Key)
	}
	return nil
}

// fill writes an event whose size has been checked into a slot. at is its time if it
// has none of its own, 0 for now.
func (p *publisher) fill(slot, value []byte, w *With, at int64) {
	if w.parts != nil {
		p.fillParts(slot, value, w)
		return
	}
	n := copy(slot[eventHeader:], value)
	if len(w.Tail) > 0 {
		copy(slot[eventHeader+n:], w.Tail)
	}
	p.head(slot, w.Priority, w.Key, len(w.Tail), cmp.Or(w.Time, at), 0)
}

// now is the time of events of a priority, 0 on lanes without times.
func (p *publisher) now(priority Priority) int64 {
	if p.levels[priority].stamp {
		return shm.Now()
	}
	return 0
}

// head writes the header. at is 0 for now.
func (p *publisher) head(slot []byte, priority Priority, key uint64, tail int, at int64, parts uint16) {
	if at == 0 {
		at = p.now(priority)
	}
	makeRaw(uint32(p.typ.id), uint16(p.bus.self), parts, uint32(p.typ.size), uint32(tail), key, at).put(slot)
}

// refused is what follows on an attempt that failed: wait for room on a full
// lane, or give up; look for somebody who listens, and say whether one was
// heard. It returns an error when there is nothing to attempt again.
func (p *publisher) refused(ctx context.Context, lane int, err error, wait bool) (heard bool, _ error) {
	l := p.lanes[lane]
	switch {
	case errors.Is(err, errUnheard):
		if err := p.audience.search(l, lane); err != nil {
			p.unheard.Add(1)
			return false, err
		}
		return true, nil
	case !errors.Is(err, ErrFull):
		return false, err
	}
	p.full.Add(1)
	if wait {
		return false, l.awaitRoom(ctx, p.over)
	}
	made := false
	if err := p.bus.guarded(func() error {
		made = l.gates.check(l, shm.Now())
		return nil
	}); err != nil || made {
		return false, err
	}
	return false, fmt.Errorf("lane %s: %w", l.name(), ErrFull)
}

// explain adds what to do to an error of the ring. ErrFull stays as it is: it is
// no failure yet, and must cost nothing.
func (s *seat) explain(err error) error {
	switch {
	case errors.Is(err, ErrFull):
		return ErrFull
	case errors.Is(err, ErrNoSlot):
		return fmt.Errorf("lane %s: %w; %d are on loan: publish or discard loans, or raise Batch in %s", s.use.name(), err, s.loans, s.use.shaped())
	}
	return fmt.Errorf("lane %s: %w", s.use.name(), err)
}

package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/shm"
)

// publish is the path of a single event.
func (p *publisher) publish(ctx context.Context, value []byte, w With, wait bool) error {
	if err := p.fits(len(w.Tail)); err != nil {
		return err
	}
	shard := p.shard(w.Key)
	for {
		err := p.attempt(shard, value, w)
		if err == nil || !errors.Is(err, ErrFull) {
			return err
		}
		if err := p.refused(ctx, shard, wait); err != nil {
			return err
		}
	}
}

// attempt publishes one event if there is room.
func (p *publisher) attempt(shard int, value []byte, w With) (err error) {
	s, err := p.take(shard)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	defer p.bus.caught(p.bus.mem.Protect(), &err)
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		return s.explain(err)
	}
	p.fill(slot, value, w)
	if _, err := s.prod.Publish(cell); err != nil {
		s.prod.Cancel(cell)
		return s.explain(err)
	}
	p.published.Add(1)
	p.ring()
	return nil
}

// fill writes an event whose size has been checked into a slot.
func (p *publisher) fill(slot, value []byte, w With) {
	n := copy(slot[eventHeader:], value)
	copy(slot[eventHeader+n:], w.Tail)
	p.head(slot, w.Key, len(w.Tail), w.Time)
}

func (p *publisher) head(slot []byte, key uint64, tail int, at int64) {
	if at == 0 && p.stamp {
		at = shm.Now()
	}
	h := rawHeader{
		typ: uint32(p.typ.id), source: uint16(p.bus.self), value: uint32(p.typ.size), tail: uint32(tail),
		key: key, time: at,
	}
	h.put(slot)
}

// ring wakes the subscriptions that sleep and care for this type.
func (p *publisher) ring() { p.bus.region.bell.Ring(eventBit(p.typ.priority, p.typ.id)) }

// refused is what follows on a full lane: wait for room, or give up.
func (p *publisher) refused(ctx context.Context, shard int, wait bool) error {
	p.full.Add(1)
	l := p.lanes[shard]
	if wait {
		return l.awaitRoom(ctx)
	}
	if err := p.bus.guarded(func() error {
		l.gates.check(l, shm.Now())
		return nil
	}); err != nil {
		return err
	}
	return fmt.Errorf("lane %s: %w", l.name(), ErrFull)
}

// explain adds what to do to an error of the ring. ErrFull stays as it is: it is
// no failure yet, and must cost nothing.
func (s *seat) explain(err error) error {
	switch {
	case errors.Is(err, ErrFull):
		return ErrFull
	case errors.Is(err, ErrNoSlot):
		return fmt.Errorf("lane %s: %w; %d are on loan: publish or discard loans, or raise Batch in its LaneGeometry", s.use.name(), err, s.loans)
	}
	return fmt.Errorf("lane %s: %w", s.use.name(), err)
}

// batch publishes n events in order, a port's batch at a time.
func (p *publisher) batch(ctx context.Context, n int, event func(i int) ([]byte, With)) (int, error) {
	for i := range n {
		if _, w := event(i); len(w.Tail) > 0 {
			if err := p.fits(len(w.Tail)); err != nil {
				return 0, fmt.Errorf("item %d: %w", i, err)
			}
		}
	}
	done := 0
	for done < n {
		_, first := event(done)
		shard := p.shard(first.Key)
		run := done + 1
		for run < n && len(p.lanes) > 1 {
			if _, w := event(run); p.shard(w.Key) != shard {
				break
			}
			run++
		}
		if len(p.lanes) == 1 {
			run = n
		}
		m, err := p.attemptBatch(shard, done, run, event)
		done += m
		if errors.Is(err, ErrFull) {
			err = p.refused(ctx, shard, true)
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// maxChunk bounds how many events of a batch are filled before they are published.
const maxChunk = 64

// attemptBatch publishes events [from, to), or as many as fit.
func (p *publisher) attemptBatch(shard, from, to int, event func(i int) ([]byte, With)) (done int, err error) {
	s, err := p.take(shard)
	if err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	defer p.bus.caught(p.bus.mem.Protect(), &err)
	var cells [maxChunk]int
	for from+done < to {
		n, err := 0, error(nil)
		for n < maxChunk && from+done+n < to {
			var slot []byte
			if cells[n], slot, err = s.prod.Reserve(); err != nil {
				break
			}
			value, w := event(from + done + n)
			p.fill(slot, value, w)
			n++
		}
		if n == 0 {
			return done, s.explain(err)
		}
		m, _, err := s.prod.PublishBatch(cells[:n])
		for _, c := range cells[m:n] {
			s.prod.Cancel(c)
		}
		if m > 0 {
			done += m
			p.published.Add(uint64(m))
			p.ring()
		}
		if err != nil {
			return done, s.explain(err)
		}
	}
	return done, nil
}

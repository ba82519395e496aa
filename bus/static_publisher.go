package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// StaticPublisher publishes to a static ring, through a port of its own. One
// goroutine at a time may use it, its loans included: two are a panic where that is
// seen, and lose events where it is not. Close and Stats may be called from any.
type StaticPublisher[T any] struct {
	ring *Static[T]
	bus  *Bus
	bell *ring.Bell
	seat *seat
	bit  uint32

	closed atomic.Bool
	stats  PublisherStats // under seat.mu, which is taken anyway
}

// Publisher returns a publisher. It fails with ErrNoPort when the ring has no
// port left.
func (s *Static[T]) Publisher() (*StaticPublisher[T], error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	b := s.ring.bus
	l := b.lanes[0]
	seat, err := l.exclusive(len(codec.AsBytes(new(T))))
	if err != nil {
		return nil, err
	}
	p := &StaticPublisher[T]{ring: s, bus: b, bell: b.region.bell, seat: seat, bit: eventBit(l.priority, staticType)}
	if err := s.add(p); err != nil {
		return nil, err
	}
	return p, nil
}

// Publish publishes a copy of *v. While a reliable ring has no room it waits for
// some, until ctx is done. On return without error the event is accepted. Its
// errors are those of Publisher.Publish, but that an event always fits.
func (p *StaticPublisher[T]) Publish(ctx context.Context, v *T) error {
	if err := ended(ctx); err != nil {
		return err
	}
	for {
		err := p.attempt(v)
		if err != ErrFull {
			return err
		}
		if err := p.awaitRoom(ctx); err != nil {
			return err
		}
	}
}

// TryPublish publishes a copy of *v, or returns ErrFull.
func (p *StaticPublisher[T]) TryPublish(v *T) error {
	for {
		err := p.attempt(v)
		if err != ErrFull {
			return err
		}
		if err := p.full(); err != nil {
			return err
		}
	}
}

// PublishBatch publishes copies of vs in order, and returns how many it has
// published. Events of others may lie between them. It wakes subscribers once for
// every 64 events.
func (p *StaticPublisher[T]) PublishBatch(ctx context.Context, vs []T) (done int, err error) {
	if err := ended(ctx); err != nil {
		return 0, err
	}
	for done < len(vs) {
		n, err := p.attemptBatch(vs[done:])
		done += n
		if err == ErrFull {
			err = p.awaitRoom(ctx)
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Stats returns what this publisher has counted. It is safe for concurrent use.
func (p *StaticPublisher[T]) Stats() PublisherStats {
	p.seat.mu.Seize()
	defer p.seat.mu.Release()
	return p.stats
}

// Close gives the publisher's port back, once its loans are, and ends a wait for
// room. It is idempotent. Later calls return ErrClosed.
func (p *StaticPublisher[T]) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.ring.forget(p)
	l := p.seat.use
	err := p.bus.guarded(func() error {
		l.WakeRoom()
		return nil
	})
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	return errors.Join(err, l.giveBack(p.seat))
}

// wake wakes the subscribers that sleep.
func (p *StaticPublisher[T]) wake() {
	if p.bell.Ring(p.bit) {
		p.stats.Wakeups++
		count(p.seat.counts.wakeups, staticType)
	}
}

// attempt publishes one event if there is room. Its ErrFull is bare.
func (p *StaticPublisher[T]) attempt(v *T) (err error) {
	_ = *v // a nil pointer panics while nothing is held
	s := p.seat
	s.mu.Lock()
	defer s.leave(protect(), &err)
	if s.closed || s.draining {
		return p.gone()
	}
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		return s.explain(err)
	}
	*codec.Cast[T](slot) = *v
	if _, err := s.prod.Publish(cell); err != nil {
		s.prod.Cancel(cell)
		return p.refused(err)
	}
	p.stats.Published++
	s.way.run++
	p.wake()
	return nil
}

// attemptBatch publishes the first events of vs, as many as there is room for.
func (p *StaticPublisher[T]) attemptBatch(vs []T) (done int, err error) {
	s := p.seat
	s.mu.Lock()
	defer s.leave(protect(), &err)
	if s.closed || s.draining {
		return 0, p.gone()
	}
	var cells [maxChunk]int
	for done < len(vs) {
		n, err := 0, error(nil)
		for n < maxChunk && done+n < len(vs) {
			var slot []byte
			if cells[n], slot, err = s.prod.Reserve(); err != nil {
				break
			}
			*codec.Cast[T](slot) = vs[done+n]
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
			p.stats.Published += uint64(m)
			s.way.run += m
			p.wake()
		}
		if err != nil {
			return done, p.refused(err)
		}
	}
	return done, nil
}

// refused explains why the ring did not take an event.
func (p *StaticPublisher[T]) refused(err error) error {
	if err = p.seat.explain(err); err == ErrFull {
		p.stats.Full++
	}
	return err
}

// awaitRoom waits until the ring has room, or somebody ends the wait.
func (p *StaticPublisher[T]) awaitRoom(ctx context.Context) error {
	return p.seat.use.awaitRoom(ctx, p.over)
}

// full is the error of a ring without room. It looks whether somebody who holds it
// back has died, or is to be evicted; then there may be room, and no error.
func (p *StaticPublisher[T]) full() error {
	l := p.seat.use
	made := false
	if err := p.bus.guarded(func() error {
		made = l.gates.check(l, shm.Now())
		return nil
	}); err != nil || made {
		return err
	}
	return fmt.Errorf("lane %s: %w", l.name(), ErrFull)
}

// over tells why a wait for room is to end.
func (p *StaticPublisher[T]) over() error {
	if p.closed.Load() || p.bus.refusal() != nil {
		return p.gone()
	}
	return nil
}

// gone tells why the publisher publishes nothing more.
func (p *StaticPublisher[T]) gone() error {
	err := ErrClosed
	if !p.closed.Load() && p.bus.State() == StateDraining {
		err = ErrDraining
	}
	return fmt.Errorf("publisher of static ring %s: %w", p.ring.Name(), err)
}

package bus

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Remove closes the subscription and forgets it also if it is durable; a group,
// which RemoveGroup forgets, it only leaves. It fails with ErrClosed when the
// subscription has been closed before.
func (s *Subscription) Remove() error {
	if err := s.close(closed | erased); err != nil {
		return err
	}
	if s.state.Load()&erased == 0 {
		return fmt.Errorf("subscription %s: %w; subscribe again to remove it", s.name, ErrClosed)
	}
	return nil
}

// The life of a subscription, beside its state in the region:
//
//	idle ──receive──> busy ──wait──> busy|asleep
//
// Close sets closed in any of them, Remove erased with it. Idle: Close retires
// the subscription. Busy: the receiving goroutine does so when it leaves. Asleep:
// it is woken for that, and calls no callback any more. While its bus is draining,
// Drain takes the part of a receiver for a moment: busy|looked. The bits above
// count the deliveries that are out, and one for who retires it: with the last of
// them the place is given back.
const (
	busy   = 1
	closed = 2
	asleep = 4
	erased = 8
	looked = 16
	oneOut = 32
)

// begin marks a receive call.
func (s *Subscription) begin() error {
	if s.state.CompareAndSwap(0, busy) {
		return nil
	}
	for {
		st := s.state.Load()
		switch {
		case st&closed != 0:
			return s.gone()
		case st&looked != 0:
			runtime.Gosched()
		case st&busy != 0:
			panic("bus: two goroutines receive from the subscription " + s.name)
		case s.state.CompareAndSwap(st, st|busy):
			return nil
		}
	}
}

// gone is why a subscription that is closed receives nothing more.
func (s *Subscription) gone() error {
	if s.drained.Load() {
		return fmt.Errorf("subscription %s: %w", s.name, ErrDraining)
	}
	return fmt.Errorf("subscription %s: %w", s.name, ErrClosed)
}

// end ends it.
func (s *Subscription) end() {
	if !s.state.CompareAndSwap(busy, 0) {
		s.endAs(busy)
	}
	if s.ending.Load() {
		s.bus.stir()
	}
}

// leave must be deferred directly, with what protect returned: it turns a fault
// into an error, as Bus.caught does, and ends the call.
func (s *Subscription) leave(old bool, err *error) {
	debug.SetPanicOnFault(old)
	v := recover()
	s.end()
	if v != nil {
		*err = s.bus.faulted(v)
	}
}

// endAs takes marks of a receiver away. One who finds the subscription closed
// retires it: Close, which would say what came of it, has returned.
func (s *Subscription) endAs(marks uint32) {
	for {
		st := s.state.Load()
		if st&closed == 0 {
			if s.state.CompareAndSwap(st, st&^marks) {
				return
			}
		} else if s.state.CompareAndSwap(st, st&^marks+oneOut) {
			_ = s.retire()
			return
		}
	}
}

// Close gives the subscription's place in the region back; of a durable one the
// cursors stay. A call that sleeps returns ErrClosed at once, and Close waits for
// it. One that is at work, in a callback say, Close does not wait for, nor for
// deliveries that are out: the place is given back with the last of them, and
// their events stay valid until then. Close is idempotent.
func (s *Subscription) Close() error { return s.close(closed) }

func (s *Subscription) close(marks uint32) error {
	for {
		st := s.state.Load()
		if st&closed != 0 {
			return nil
		}
		next := st | marks
		if st&busy == 0 {
			next += oneOut
		}
		if !s.state.CompareAndSwap(st, next) {
			continue
		}
		if f := s.onClose.Load(); f != nil {
			(*f)()
		}
		switch {
		case st&busy == 0:
			return s.retire()
		case st&asleep != 0:
			_ = s.bus.guarded(func() error {
				s.bus.region.bell.Wake(nudgeBit(s.record))
				return nil
			})
			<-s.done
		case st&looked != 0:
			<-s.done
		}
		return nil
	}
}

// retire runs once, when the subscription is closed and nobody receives any more.
func (s *Subscription) retire() error {
	defer close(s.done)
	if s.group != nil {
		_ = s.bus.guard(func() error {
			s.leaveGroup()
			return nil
		})
	}
	return s.drop()
}

// drop ends one delivery, or the retirement. The last one gives the place back.
func (s *Subscription) drop() error {
	st := s.state.Add(^uint32(oneOut - 1))
	if st&closed == 0 || st&busy != 0 || st >= oneOut {
		if s.ending.Load() {
			s.bus.stir()
		}
		return nil
	}
	return s.finish()
}

// finish runs once, when nothing of the subscription is in use any more.
func (s *Subscription) finish() error {
	b := s.bus
	s.unheed()
	err := b.guard(func() error {
		st := s.count()
		s.final.Store(&st)
		switch {
		case s.group != nil:
			b.region.freeSubscriber(s.record)
		case s.durable && s.state.Load()&erased == 0:
			if s.viewed {
				s.settle()
			}
			b.region.detachSubscriber(s.record)
		default:
			b.region.freeSubscriber(s.record)
		}
		return nil
	})
	b.subMu.Lock()
	delete(b.subs, s)
	b.subMu.Unlock()
	b.stir()
	return errors.Join(err, b.release())
}

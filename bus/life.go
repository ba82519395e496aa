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
//	idle ──receive──> in a call ──wait──> asleep
//
// A call is marked in call, the rest in state. Close sets closed in any of them,
// Remove erased with it. Idle: Close retires the subscription. In a call: the
// receiving goroutine does so when it leaves; where both may, retiring says who was
// first. Asleep: it is woken for that, and calls no callback any more. While its bus
// is draining, Drain takes the part of a receiver for a moment: looked. The bits
// above count the deliveries that are out, and one for who retires it: with the last
// of them the place is given back.
const (
	closed   = 1
	asleep   = 2
	erased   = 4
	retiring = 8
	looked   = 16
	oneOut   = 32
)

// begin marks a receive call. Pairs with close and look: whoever ends calls sets a
// bit first and looks for ours then.
func (s *Subscription) begin() error {
	entered := s.call.enter()
	if entered && s.state.Load()&(closed|looked) == 0 {
		return nil
	}
	return s.beginSlowly(entered)
}

// beginSlowly begins a call that is marked, once Drain does not look.
func (s *Subscription) beginSlowly(entered bool) error {
	if !entered {
		if s.state.Load()&closed != 0 {
			return s.gone() // in a callback that has closed it
		}
		panic("bus: two goroutines receive from the subscription " + s.name)
	}
	for s.state.Load()&closed == 0 {
		s.call.leave()
		for s.state.Load()&looked != 0 {
			runtime.Gosched()
		}
		if s.call.enter(); s.state.Load()&(closed|looked) == 0 {
			return nil
		}
	}
	s.end() // Close may have seen our mark, and leave the rest to us
	return s.gone()
}

// gone is why a subscription that is closed receives nothing more.
func (s *Subscription) gone() error {
	if s.drained.Load() {
		return fmt.Errorf("subscription %s: %w", s.name, ErrDraining)
	}
	return fmt.Errorf("subscription %s: %w", s.name, ErrClosed)
}

// end ends it. One who finds the subscription closed retires it: Close, which would
// say what came of it, has returned.
func (s *Subscription) end() {
	s.call.leave()
	if s.state.Load()&closed != 0 {
		_, _ = s.retireOnce()
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
	if s.handed != noStretch { // a callback has not returned, or the region has gone
		_ = s.bus.guard(func() error {
			s.countHanded()
			return nil
		})
	}
	if s.asked != nil {
		_ = s.bus.guard(func() error {
			s.unanswered()
			return nil
		})
	}
	if s.within { // a callback that has panicked is over, and so is its event
		_ = s.bus.guard(func() error {
			s.returns(waitFor{})
			return nil
		})
		s.within = false
	}
	s.keep = false // a filter has not returned: what was copied is finished by the next call
	s.end()
	if v != nil {
		*err = s.bus.faulted(v)
	}
}

// look takes the part of a receiver, if nobody receives and nothing is out.
func (s *Subscription) look() bool {
	if !s.state.CompareAndSwap(0, looked) {
		return false
	}
	if s.call.within() {
		s.lookAway()
		return false
	}
	return true
}

// lookAway ends look.
func (s *Subscription) lookAway() {
	s.state.And(^uint32(looked))
	if s.state.Load()&closed != 0 && !s.call.within() {
		_, _ = s.retireOnce()
	}
}

// Close gives the subscription's place in the region back; of a durable one the
// cursors stay. A call that sleeps returns ErrClosed at once, and Close waits for
// it. One that is at work, in a callback say, Close does not wait for, nor for
// deliveries that are out: the place is given back with the last of them, and
// their events stay valid until then. Close is idempotent.
func (s *Subscription) Close() error { return s.close(closed) }

func (s *Subscription) close(marks uint32) error {
	st := s.state.Load()
	for ; ; st = s.state.Load() {
		if st&closed != 0 {
			return nil
		}
		if s.state.CompareAndSwap(st, st|marks) {
			break
		}
	}
	if f := s.onClose.Load(); f != nil {
		(*f)()
	}
	if st&asleep != 0 {
		_ = s.bus.guarded(func() error {
			s.bus.region.bell.Wake(nudgeBit(s.record))
			return nil
		})
		<-s.done
		return nil
	}
	for s.state.Load()&looked != 0 {
		runtime.Gosched() // Drain is about to look away
	}
	if s.call.within() {
		return nil
	}
	first, err := s.retireOnce()
	if !first {
		<-s.done
	}
	return err
}

// retireOnce retires the subscription, if nobody else does. It is closed, and nobody
// receives any more.
func (s *Subscription) retireOnce() (first bool, err error) {
	for {
		st := s.state.Load()
		if st&retiring != 0 {
			return false, nil
		}
		if s.state.CompareAndSwap(st, (st|retiring)+oneOut) {
			return true, s.retire()
		}
	}
}

// retire runs once.
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
	if st&retiring == 0 || st >= oneOut {
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
			for _, l := range s.lanes {
				l.reader.Detach() // its cursor may be behind what has been counted
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

package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
	"math"
)

// RawMessage is a copy of an event of any type.
type RawMessage struct {
	Header
	Value []byte
	Tail  []byte
}

// Receive waits for an event and copies it. A *LagError, once for each gap, says
// how many events were missed; call again to go on. Other errors are ErrClosed,
// ErrDraining (it has had all that it is to get, see Bus.Drain), ErrCorrupt (that
// event is passed over), ErrFault, what ended ctx, and ErrTimeout after
// SubscribeOptions.Timeout.
func (s *Subscription) Receive(ctx context.Context) (m RawMessage, err error) {
	err = s.ReceiveInto(ctx, &m)
	return m, err
}

// ReceiveInto is Receive into the memory of an earlier message.
func (s *Subscription) ReceiveInto(ctx context.Context, m *RawMessage) error {
	return s.one(waitFor{ctx: ctx, copies: true}, func(e *Event) error { m.copy(e); return nil })
}

// TryReceive copies an event, or returns ErrEmpty.
func (s *Subscription) TryReceive() (m RawMessage, err error) {
	err = s.one(waitFor{try: true, copies: true}, func(e *Event) error { m.copy(e); return nil })
	return m, err
}

// ReceiveTimeout is Receive for at most d; then it returns ErrTimeout.
func (s *Subscription) ReceiveTimeout(d time.Duration) (m RawMessage, err error) {
	err = s.one(waitUntil(d), func(e *Event) error { m.copy(e); return nil })
	return m, err
}

func (m *RawMessage) copy(e *Event) {
	m.Header = e.Header()
	m.Value = append(m.Value[:0], e.Value()...)
	m.Tail = append(m.Tail[:0], e.Tail()...)
}

// View waits for an event and calls fn with it in place: no copy, and nothing
// of it may be used after fn has returned. It returns what fn returns. The event
// is finished in any case.
func (s *Subscription) View(ctx context.Context, fn func(*Event) error) error {
	return s.one(waitFor{ctx: ctx}, fn)
}

// ViewBatch waits for an event and calls fn with it and with what else is there
// at once, up to max events, each in place and valid only during its call. It
// returns how many calls it made, and stops at the first error. On a gap it
// returns the events before it; the *LagError comes with the next call.
func (s *Subscription) ViewBatch(ctx context.Context, max int, fn func(*Event) error) (int, error) {
	return s.many(waitFor{ctx: ctx}, max, fn)
}

// TryViewBatch is ViewBatch without waiting: it returns ErrEmpty when there is
// nothing.
func (s *Subscription) TryViewBatch(max int, fn func(*Event) error) (int, error) {
	return s.many(waitFor{try: true}, max, fn)
}

// waitFor says how long a call waits.
type waitFor struct {
	ctx      context.Context
	try      bool
	copies   bool  // the event is finished with the next call, not with this one
	deadline int64 // ns of shm.Now, 0 for none
}

func waitUntil(d time.Duration) waitFor {
	return waitFor{copies: true, deadline: later(shm.Now(), d)}
}

// later is a time after now, which does not overflow and is not 0.
func later(now int64, d time.Duration) int64 {
	if int64(d) > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + max(int64(d), 1)
}

// one hands one event to fn.
func (s *Subscription) one(w waitFor, fn func(*Event) error) (err error) {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.leave(protect(), &err)
	_, err = s.hand(w, 1, fn)
	return err
}

// many hands up to max events to fn.
func (s *Subscription) many(w waitFor, max int, fn func(*Event) error) (n int, err error) {
	checkBatch(max)
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.leave(protect(), &err)
	return s.hand(w, max, fn)
}

func checkBatch(max int) {
	if max < 1 {
		panic(fmt.Sprintf("bus: batch of at most %d events", max))
	}
}

// hand waits for an event, and hands it and what else is there to fn.
func (s *Subscription) hand(w waitFor, max int, fn func(*Event) error) (n int, err error) {
	s.polls = w.try
	if !s.quick(w.ctx) {
		if err := s.first(w); err != nil {
			return 0, err
		}
	}
	s.within = !w.copies
	for ok := true; ok; ok = s.another() {
		n++
		if err = fn(&s.event); err != nil || n == max {
			break
		}
	}
	s.returns(w)
	return n, err
}

// quick is first for what mostly comes: an event that is there, without a choice
// among lanes and without a gap. Otherwise it does nothing, and returns false.
func (s *Subscription) quick(ctx context.Context) bool {
	l := s.only
	if l == nil || s.deferred != nil || ctx != nil && ctx.Err() != nil {
		return false
	}
	return s.following(l)
}

// following is quick where the call has begun.
func (s *Subscription) following(l *subLane) bool { return s.stocked(l) && s.plain(l) }

// first waits for the first event of a call.
func (s *Subscription) first(w waitFor) error {
	s.viewed = false
	if err := s.await(w); err != nil {
		return err
	}
	s.keep = w.copies && s.lasting()
	return nil
}

// another makes s.event the next event of a call that has had one, if there is
// one at once. What comes in its place is for the next call to tell.
func (s *Subscription) another() bool {
	if l := s.only; l != nil && s.following(l) {
		return true
	}
	ok, err := s.take()
	s.deferred = err
	return ok
}

// plain is open for what mostly comes: the next event of the window of a
// subscription to one lane, which wants it, and which has no parts. Otherwise it
// does nothing, and returns false.
func (s *Subscription) plain(l *subLane) bool {
	slot := l.reader.Bytes(l.next)
	e := &s.event
	raw := &e.raw
	raw.get(slot)
	typ := raw.typ()
	if raw.parts() != 0 || eventHeader+uint64(raw.value())+uint64(raw.tail()) > uint64(len(slot)) ||
		!s.takesType(typ) || uint(typ-1) >= uint(len(s.counts.delivered)) {
		return false
	}
	e.at, e.pos, e.parts.bits = eventHeader, l.reader.Front()+uint64(l.next), 0
	e.lane, e.slot = l.lane, slot
	l.next++
	s.viewed = false
	if s.current != l {
		s.current = l
	}
	l.reader.Delivered(1)
	word.OwnerAdd(&s.counts.delivered[typ-1], 1)
	return true
}

// returns ends a call that has handed out events. What a callback had is finished
// with it; a copy is only when its receiver comes back for more.
func (s *Subscription) returns(w waitFor) {
	s.keep, s.within, s.viewed = false, false, !w.copies
	if s.viewed && s.lasting() {
		s.settle()
	}
}

// lasting tells whether somebody else goes on where this process dies.
func (s *Subscription) lasting() bool { return s.durable || s.group != nil }

// await makes s.event the next event.
func (s *Subscription) await(w waitFor) error {
	s.settle()
	// Before anything else, so that a loop ends with its context also while
	// there is always something to receive.
	if w.ctx != nil {
		if err := ended(w.ctx); err != nil {
			return fmt.Errorf("subscription %s: %w", s.name, err)
		}
	}
	if err := s.deferred; err != nil {
		s.deferred = nil
		return err
	}
	for {
		ok, err := s.take()
		if ok || err != nil {
			if s.armed {
				s.disarm()
			}
			return err
		}
		if s.timeout > 0 && w.deadline == 0 && !w.try {
			// Only now: an event that is there needs no clock.
			w.deadline = later(shm.Now(), s.timeout)
		}
		if s.passed >= passAtOnce {
			if err := s.over(w); err != nil {
				if s.armed {
					s.disarm()
				}
				return err
			}
			continue
		}
		if s.ending.Load() && s.atEnd() {
			return s.leaveDrained()
		}
		if w.try {
			if s.state.Load()&closed != 0 {
				return s.gone()
			}
			if err := s.release(); err != nil {
				return err
			}
			return ErrEmpty
		}
		if err := s.sleep(w); err != nil {
			return err
		}
		if l := s.only; l != nil && s.following(l) {
			return nil
		}
	}
}

// passAtOnce is how many events of other types are passed over before a call
// looks whether it is to end.
const passAtOnce = 1024

// take makes s.event the next event there is, by priority. It returns false when
// there is none, or when it has passed over passAtOnce others. The event before
// it is finished.
func (s *Subscription) take() (bool, error) {
	if s.acks != nil {
		return s.acks.take(s)
	}
	s.settle()
	for s.passed = 0; s.passed < passAtOnce; s.passed++ {
		l := s.lanes[0]
		if len(s.lanes) > 1 {
			if l = s.choose(); l == nil {
				return false, nil
			}
		}
		if l.next >= l.reader.Window() {
			if s.keep && l.next > 0 {
				return false, nil // the next window would finish this one
			}
			if s.tags != 0 {
				if err := s.skip(l); err != nil {
					return false, err
				}
			}
			if err := l.refill(s); err != nil {
				return false, err
			}
			if l.reader.Window() == 0 {
				if len(s.lanes) > 1 {
					continue
				}
				return false, nil
			}
		}
		if s.sieve != nil && !s.skim(l) {
			continue
		}
		ok, err := s.open(l)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// skip passes over events by their tags alone. Nobody looks at their types: they
// are counted by subscription and lane.
func (s *Subscription) skip(l *subLane) error {
	l.next = 0
	n, err := l.reader.Skip(s.tags, passAtOnce)
	l.reader.Filtered(n)
	s.passed += n
	s.served += uint64(n)
	l.served = s.served
	if err != nil {
		return laneError(l.lane, err)
	}
	return nil
}

// skim passes over events at the front of the lane's window as far as their
// headers tell that they are not for this subscription. It returns false when
// nothing is left of the window.
func (s *Subscription) skim(l *subLane) bool {
	first, n := l.next, l.reader.Window()
	run := l.reader.Run(0)
	for ; l.next < n; l.next++ {
		if s.tags != 0 {
			if l.next = l.reader.Find(l.next, s.tags); l.next == n {
				break // as in skip
			}
		}
		s.event.raw.get(run.Bytes(l.next))
		if s.sieve(&s.event) {
			break
		}
		count(s.counts.filtered, s.event.Type())
	}
	if passed := l.next - first; passed > 0 {
		l.reader.Filtered(passed)
		s.passed += passed
		s.served += uint64(passed)
		l.served = s.served
		if s.durable {
			s.current = l
			s.settle()
			n = l.reader.Window()
		}
	}
	return l.next < n
}

// open makes s.event the next event of the lane's window. It returns false for
// one of another type.
func (s *Subscription) open(l *subLane) (bool, error) {
	e := &s.event
	slot, pos := l.reader.Bytes(l.next), l.reader.Front()+uint64(l.next)
	l.next++
	s.current = l
	s.served++
	l.served = s.served
	if err := e.set(l.lane, slot, pos); err != nil {
		return false, err
	}
	if s.filter == nil && s.takesType(e.raw.typ()) {
		l.reader.Delivered(1)
		count(s.counts.delivered, e.Type())
		return true, nil
	}
	if !s.wants(l, e) {
		s.settle()
		return false, nil
	}
	return true, nil
}

// wants tells whether an event of the lane is for this subscription, and counts it.
func (s *Subscription) wants(l *subLane, e *Event) bool {
	t := e.Type()
	if !s.takesType(e.raw.typ()) || s.filter != nil && !s.asks(l, e) {
		l.reader.Filtered(1)
		count(s.counts.filtered, t)
		return false
	}
	l.reader.Delivered(1)
	count(s.counts.delivered, t)
	return true
}

// asks asks the filter, and remembers that: it may not return; see unanswered.
func (s *Subscription) asks(l *subLane, e *Event) bool {
	s.asked, s.askedOf = l, e.Type()
	ok := s.filter(e)
	s.asked = nil
	return ok
}

// unanswered counts an event that a filter was asked about and has not returned: it is
// passed over.
func (s *Subscription) unanswered() {
	l := s.asked
	s.asked = nil
	l.reader.Filtered(1)
	count(s.counts.filtered, s.askedOf)
}

// refill opens the next window of a lane.
func (l *subLane) refill(s *Subscription) error {
	l.next = 0
	most := ring.MaxPin
	if s.tags != 0 {
		most = 1 // what is behind it is skipped
	}
	_, missed, err := l.reader.Poll(most)
	if err != nil {
		return laneError(l.lane, err)
	}
	if missed == 0 {
		return nil
	}
	resumed := l.reader.Position() - uint64(l.reader.Window())
	return &LagError{
		Priority: l.priority, Shard: l.shard, Missed: missed, Resumed: resumed, Evicted: l.reader.Evicted(resumed - missed),
	}
}

// settle finishes the event handed out last. The cursor of a durable
// subscription moves on with each event; others move when they need more.
func (s *Subscription) settle() {
	if s.acks != nil {
		s.acks.settle(s)
		return
	}
	l := s.current
	if l == nil {
		return
	}
	if s.durable {
		s.finishOn(l)
		return
	}
	s.current = nil
}

// finishOn is settle of a durable subscription. Of a batch of copies, which may be
// of several lanes, none is finished before the next call.
func (s *Subscription) finishOn(l *subLane) {
	if s.keep {
		s.copied = true
		return
	}
	s.current = nil
	if !s.copied {
		s.passOn(l)
		return
	}
	s.copied = false
	for _, l := range s.lanes {
		s.passOn(l)
	}
}

// passOn moves the cursor over what has been handed out.
func (s *Subscription) passOn(l *subLane) {
	if err := l.reader.Advance(l.next); err != nil && s.deferred == nil {
		s.deferred = laneError(l.lane, err)
	}
	l.next = 0
}

package bus

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/ring"
)

// Delivery is an event that Take has lent, in place, until Ack. It may be passed
// to another goroutine, and deliveries may be acked in any order: the cursor
// moves over those that are acked up to the first that is not. It is a small
// value; of its copies the first Ack counts, and any other does nothing.
//
//	waiting ──Take──> out ──Ack──> acked ──all before it acked──> behind the cursor
//	   ▲               │             │
//	   └── the process dies, or the subscription is closed by then: comes again
//	       to whoever has the durable subscription next
type Delivery struct {
	loan *lent
	turn uint64
}

// Event returns the event, in place. It must not be used, nor anything it has
// returned, once Ack has been called. It panics when that can be seen.
func (d Delivery) Event() *Event {
	if d.loan == nil || d.loan.turn.Load() != d.turn {
		panic("bus: use of a Delivery that has been acked, or that Take has not returned")
	}
	return &d.loan.event
}

// Ack finishes the event and gives its slot back. It may be called from any
// goroutine, at any time, also after the subscription or the bus has been closed:
// the memory stays mapped until the last delivery is acked. It never waits for an
// event or for room. What it may meet in a damaged region is returned by the next
// receive call. It panics for a Delivery that Take has not returned.
func (d Delivery) Ack() {
	h := d.loan
	if h == nil {
		panic("bus: Ack of a Delivery that Take has not returned")
	}
	if h.turn.CompareAndSwap(d.turn, d.turn+1) {
		h.event.sub.acked(h)
	}
}

// abandon gives a delivery of a closed subscription back unfinished: a durable
// one gets it again, or whoever has the lane of a group next.
func (d Delivery) abandon() {
	if d.loan.turn.CompareAndSwap(d.turn, d.turn+1) {
		d.loan.event.sub.abandoned(d.loan)
	}
}

// TypedDelivery is a Delivery of an event of type T.
type TypedDelivery[T any] struct{ Delivery }

// Value is the event's value, in place, until Ack. It must not be written.
func (d TypedDelivery[T]) Value() *T { return codec.Cast[T](d.Event().Value()) }

// Take waits for an event and lends it in place until its Ack. It is for work
// that outlives a callback or is spread over goroutines; no copy is made and
// nothing is allocated.
//
// At most Window events of a lane are out at a time, from the first that is not
// acked on. When a lane's window is used up, or when events behind it have been
// overwritten and are to be counted, Take goes on with other lanes, and if there
// is nothing, it waits for an Ack. On a reliable lane the first event that is not
// acked holds the lane back like any that is not received.
//
// Of a durable subscription and of a group all that is not acked is delivered
// again after a death, and so is what was acked behind it: at least once.
//
// Take may be mixed with the other receive calls: each event comes by one of
// them. From the first Take on, an event that a callback got counts as acked
// when the callback returns, and a copy with the next receive call.
//
// Errors are those of Receive. Close does not wait for deliveries: what is out
// stays valid, and the place of the subscription is given back with the last Ack.
func (s *Subscription) Take(ctx context.Context) (Delivery, error) {
	return s.lend(waitFor{ctx: ctx})
}

// TryTake is Take without waiting: it returns ErrEmpty when there is nothing, or
// nothing before an Ack.
func (s *Subscription) TryTake() (Delivery, error) { return s.lend(waitFor{try: true}) }

// Take waits for an event and lends it in place until its Ack; see
// Subscription.Take.
func (s *Subscriber[T]) Take(ctx context.Context) (TypedDelivery[T], error) {
	return s.typed(s.s.Take(ctx))
}

// TryTake is Take without waiting: it returns ErrEmpty when there is nothing, or
// nothing before an Ack.
func (s *Subscriber[T]) TryTake() (TypedDelivery[T], error) { return s.typed(s.s.TryTake()) }

func (s *Subscriber[T]) typed(d Delivery, err error) (TypedDelivery[T], error) {
	if err != nil {
		return TypedDelivery[T]{}, err
	}
	if _, err := s.value(d.Event()); err != nil {
		d.Ack() // passed over
		return TypedDelivery[T]{}, err
	}
	return TypedDelivery[T]{d}, nil
}

// lent is an event of a lane's window, from when it is handed out until the
// cursor has passed it. It is used again for the event a window later.
type lent struct {
	lane  *subLane
	turn  atomic.Uint64 // how often it was lent, and how often that ended: odd while it is out
	done  bool          // acked, or not for us; under acks.mu
	event Event
}

// acks is what a subscription keeps from its first Take on: whose events end in
// any order, and in any goroutine. The mutex guards its readers, the places in
// their windows, and all below. It is never held in a callback, nor while anybody
// waits.
type acks struct {
	mu      sync.Mutex
	lending bool    // the receive call under way is a Take
	last    *lent   // handed to a callback or copied, and not finished
	kept    []*lent // copied before that in the same batch, and not finished
	taken   Delivery
	err     error // why an Ack could not move a cursor
}

// lend is the call behind Take.
func (s *Subscription) lend(w waitFor) (d Delivery, err error) {
	if err := s.begin(); err != nil {
		return Delivery{}, err
	}
	defer s.leave(protect(), &err)
	s.viewed = false
	if s.acks == nil {
		if err := s.keepAcks(); err != nil {
			return Delivery{}, err
		}
	}
	a := s.acks
	a.lending = true
	defer func() { a.lending = false }()
	if err := s.await(w); err != nil {
		return Delivery{}, err
	}
	return a.taken, nil
}

// keepAcks turns to acks. What has been handed out before is finished, as with
// the beginning of any call.
func (s *Subscription) keepAcks() error {
	s.settle()
	for _, l := range s.lanes {
		if err := l.keepAcks(s); err != nil {
			return err
		}
	}
	s.acks, s.only = &acks{}, nil
	return nil
}

func (l *subLane) keepAcks(s *Subscription) error {
	if err := l.reader.Advance(l.next); err != nil {
		return laneError(l.lane, err)
	}
	l.next = 0
	l.reader.Expect(eventHeader)
	l.lent = make([]lent, l.window)
	for i := range l.lent {
		l.lent[i].lane = l
		l.lent[i].event.sub = s
	}
	return nil
}

// take is Subscription.take of a subscription with acks.
func (a *acks) take(s *Subscription) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.finishLast(s.keep)
	if g := s.group; g != nil {
		g.attend(s)
	}
	if err := a.err; err != nil {
		a.err = nil
		return false, err
	}
	for s.passed = 0; s.passed < passAtOnce; s.passed++ {
		l := s.choose()
		if l == nil {
			return false, nil
		}
		if l.next >= l.reader.Window() {
			if err := l.more(s); err != nil {
				return false, err
			}
			if l.next >= l.reader.Window() {
				continue
			}
		}
		ok, err := a.open(s, l)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// more opens more of a lane whose window has been handed out.
func (l *subLane) more(s *Subscription) error {
	if err := l.pass(); err != nil {
		return err
	}
	switch {
	case l.reader.Window() > 0:
		n, _, err := l.reader.Extend(ring.MaxPin)
		if err != nil {
			l.next = 0
			return laneError(l.lane, err)
		}
		// No pins left, or a gap: something is out, since the window is not
		// empty, and its Ack opens the lane again.
		l.shut = n == 0
	case l.out > 0:
		l.shut = true // of a window that was lost to a damaged cursor
	default:
		return l.refill(s)
	}
	return nil
}

// open makes the next event of the lane's window the one handed out. It returns
// false for one that is not for us.
func (a *acks) open(s *Subscription, l *subLane) (bool, error) {
	slot, pos := l.reader.Slot(l.next)
	l.next++
	s.served++
	l.served = s.served
	h := &l.lent[pos%uint64(len(l.lent))]
	h.done = true // if it is not handed out
	e := &s.event
	if a.lending {
		e = &h.event
	}
	if err := e.set(l.lane, slot, pos); err != nil {
		return false, err
	}
	if !s.wants(l, e) {
		return false, nil
	}
	h.done = false
	l.out++
	if a.lending {
		s.state.Add(oneOut)
		a.taken = Delivery{h, h.turn.Add(1)}
	} else {
		a.last = h
	}
	return true, nil
}

// settle is Subscription.settle of a subscription with acks.
func (a *acks) settle(s *Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.finishLast(s.keep)
	if g := s.group; g != nil {
		g.tell(s)
	}
}

// finishLast finishes what a receive call other than Take has handed out, or keeps
// it for the next call to finish: a copy of a durable subscription's batch.
func (a *acks) finishLast(keep bool) {
	if h := a.last; h != nil {
		a.last = nil
		a.kept = append(a.kept, h)
	}
	if keep {
		return
	}
	for _, h := range a.kept {
		if err := h.finish(); err != nil {
			a.err = err
		}
	}
	a.kept = a.kept[:0]
}

// forget leaves unfinished what finishLast would finish.
func (a *acks) forget() {
	if h := a.last; h != nil {
		a.kept = append(a.kept, h)
	}
	for _, h := range a.kept {
		h.lane.out--
	}
	a.last, a.kept = nil, a.kept[:0]
}

// finish marks an event that was handed out, and moves the cursor over what is
// finished up to the first event that is not.
func (h *lent) finish() error {
	l := h.lane
	h.done = true
	l.out--
	had := l.reader.Window()
	err := l.pass()
	switch {
	case l.leaving:
		h.event.sub.vacate(l)
	case l.out == 0 || l.reader.Window() < had:
		l.shut = false
	}
	return err
}

// pass moves the cursor over what is finished.
func (l *subLane) pass() error {
	if l.next == 0 {
		return nil
	}
	_, first := l.reader.Slot(0)
	n := 0
	for n < l.next && l.lent[(first+uint64(n))%uint64(len(l.lent))].done {
		n++
	}
	if err := l.reader.Advance(n); err != nil {
		l.next = 0 // the window is lost
		return laneError(l.lane, err)
	}
	l.next -= n
	return nil
}

// acked ends a delivery.
func (s *Subscription) acked(h *lent) {
	_ = s.bus.guard(func() error {
		a := s.acks
		if a.acked(h) && s.state.Load()&asleep != 0 {
			// Take may wait for this. Pairs with park, which looks at the
			// lanes after it has marked itself asleep.
			s.bus.region.bell.Wake(nudgeBit(s.record))
		}
		return nil
	})
	_ = s.drop() // nobody is left to tell
}

// abandoned ends a delivery of which the event is not finished.
func (s *Subscription) abandoned(h *lent) {
	_ = s.bus.guard(func() error {
		s.acks.mu.Lock()
		defer s.acks.mu.Unlock()
		h.lane.out--
		if g := s.group; g != nil {
			s.vacate(h.lane)
			g.tell(s)
		}
		return nil
	})
	_ = s.drop() // nobody is left to tell
}

// acked returns whether the lane has been opened again.
func (a *acks) acked(h *lent) (opened bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := h.lane.shut
	if err := h.finish(); err != nil {
		a.err = err
	}
	if g := h.event.sub.group; g != nil {
		g.tell(h.event.sub)
	}
	return was && !h.lane.shut
}

// release moves all cursors over what is finished.
func (a *acks) release(s *Subscription) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range s.lanes {
		if err := l.pass(); err != nil {
			return err
		}
	}
	return nil
}

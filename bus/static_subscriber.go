package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// StaticSubscriber receives the events of a static ring. One goroutine at a time
// may receive; Close and Stats may be called from any. Its errors are those of
// Subscription.Receive.
type StaticSubscriber[T any] struct {
	ring *Static[T]
	s    *Subscription
	lane *subLane
}

// Subscribe subscribes to the ring. Of the options those that choose among types,
// lanes or events are not for it, nor is Group: ErrOptions says which. Its other
// errors are those of Bus.Subscribe.
func (s *Static[T]) Subscribe(o *SubscribeOptions) (*StaticSubscriber[T], error) {
	if o == nil {
		o = &SubscribeOptions{}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := o.checkStatic(); err != nil {
		return nil, err
	}
	mine := *o
	mine.looksAt = len(codec.AsBytes(new(T)))
	inner, err := s.ring.bus.subscribe(&mine, []TypeID{staticType})
	if err != nil {
		return nil, err
	}
	sub := &StaticSubscriber[T]{ring: s, s: inner, lane: inner.lanes[0]}
	if err := s.add(sub); err != nil {
		return nil, err
	}
	return sub, nil
}

// checkStatic refuses what a static ring has not.
func (o *SubscribeOptions) checkStatic() error {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Types", len(o.Types) > 0},
		{"Filter, which looks at headers", o.Filter.node != nil},
		{"Type", o.Type.Name != "" || o.Type.Priority != 0 || len(o.Type.Also) > 0},
		{"Group", o.Group != ""},
		{"Priorities", len(o.Priorities) > 0},
		{"Positions, use Position", o.Positions != nil},
		{"Starve", o.Starve != 0},
	} {
		if f.set {
			return fmt.Errorf("%w: a static ring has one type, one lane and no filter; leave out %s", ErrOptions, f.name)
		}
	}
	return nil
}

// Receive waits for an event and copies it.
func (s *StaticSubscriber[T]) Receive(ctx context.Context) (v T, err error) {
	err = s.ReceiveInto(ctx, &v)
	return v, err
}

// ReceiveInto is Receive into *v.
func (s *StaticSubscriber[T]) ReceiveInto(ctx context.Context, v *T) error {
	return s.into(waitFor{ctx: ctx, copies: true}, v)
}

// TryReceive copies an event, or returns ErrEmpty.
func (s *StaticSubscriber[T]) TryReceive() (v T, err error) {
	err = s.into(waitFor{try: true, copies: true}, &v)
	return v, err
}

// TryReceiveInto is TryReceive into *v.
func (s *StaticSubscriber[T]) TryReceiveInto(v *T) error {
	return s.into(waitFor{try: true, copies: true}, v)
}

// ReceiveTimeout is Receive for at most d; then it returns ErrTimeout.
func (s *StaticSubscriber[T]) ReceiveTimeout(d time.Duration) (v T, err error) {
	err = s.into(waitUntil(d), &v)
	return v, err
}

// ReceiveBatch waits for an event and copies it and what else is there at once
// into dst. It returns how many. On a gap it returns the events before it; the
// *LagError comes with the next call. A durable subscription is given no more than
// its Window at once; the next call finishes all of them.
func (s *StaticSubscriber[T]) ReceiveBatch(ctx context.Context, dst []T) (int, error) {
	return s.batch(waitFor{ctx: ctx, copies: true}, dst)
}

// TryReceiveBatch is ReceiveBatch without waiting: it returns ErrEmpty when there
// is nothing.
func (s *StaticSubscriber[T]) TryReceiveBatch(dst []T) (int, error) {
	return s.batch(waitFor{try: true, copies: true}, dst)
}

// View waits for an event and calls fn with it in place: no copy, and nothing of
// it may be used after fn has returned, nor written. It returns what fn returns.
// The event is finished in any case.
func (s *StaticSubscriber[T]) View(ctx context.Context, fn func(*T) error) error {
	_, err := s.many(waitFor{ctx: ctx}, 1, nil, fn)
	return err
}

// TryView is View without waiting: it returns ErrEmpty when there is no event.
func (s *StaticSubscriber[T]) TryView(fn func(*T) error) error {
	_, err := s.many(waitFor{try: true}, 1, nil, fn)
	return err
}

// ViewBatch waits for an event and calls fn with it and with what else is there at
// once, up to max events, each in place and valid only during its call. It returns
// how many calls it made, and stops at the first error. On a gap it returns the
// events before it; the *LagError comes with the next call.
func (s *StaticSubscriber[T]) ViewBatch(ctx context.Context, max int, fn func(*T) error) (int, error) {
	return s.many(waitFor{ctx: ctx}, max, nil, fn)
}

// TryViewBatch is ViewBatch without waiting: it returns ErrEmpty when there is
// nothing.
func (s *StaticSubscriber[T]) TryViewBatch(max int, fn func(*T) error) (int, error) {
	return s.many(waitFor{try: true}, max, nil, fn)
}

// Position returns the position of the event received last, also within the
// callback that has it: a new subscription with Start: StartPosition and one more
// goes on behind it. It is for the goroutine that receives.
func (s *StaticSubscriber[T]) Position() uint64 {
	l := s.lane
	return l.reader.Position() - uint64(l.reader.Window()) + uint64(l.next) - 1
}

// Stats returns what the subscription has counted, if it is durable over all
// processes that had it. It is safe for concurrent use.
func (s *StaticSubscriber[T]) Stats() SubscriberStats { return s.s.Stats() }

// Close is Subscription.Close.
func (s *StaticSubscriber[T]) Close() error {
	s.ring.forget(s)
	return s.s.Close()
}

// Remove closes the subscription and forgets it also if it is durable.
func (s *StaticSubscriber[T]) Remove() error {
	s.ring.forget(s)
	return s.s.Remove()
}

// into copies one event.
func (s *StaticSubscriber[T]) into(w waitFor, v *T) (err error) {
	u := s.s
	if err := u.begin(); err != nil {
		return err
	}
	defer u.leave(protect(), &err)
	if err := s.await(w); err != nil {
		return err
	}
	*v = *s.next()
	return nil
}

func (s *StaticSubscriber[T]) batch(w waitFor, dst []T) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	return s.many(w, len(dst), dst, nil)
}

// many copies up to max events to dst, or hands them to fn.
func (s *StaticSubscriber[T]) many(w waitFor, max int, dst []T, fn func(*T) error) (n int, err error) {
	if max < 1 {
		panic(fmt.Sprintf("bus: batch of at most %d events", max))
	}
	u := s.s
	if err := u.begin(); err != nil {
		return 0, err
	}
	defer u.leave(protect(), &err)
	if err := s.await(w); err != nil {
		return 0, err
	}
	u.keep, u.within = w.copies && u.durable, fn != nil
	for ok := true; ok; {
		var k int
		if k, err = s.stretch(max-n, dst[min(n, len(dst)):], fn); err != nil || n+k == max {
			n += k
			break
		}
		n += k
		ok, u.deferred = s.more()
	}
	u.returns(w)
	return n, err
}

// stretch hands out the next events of the window, at most max, or one where events
// are finished one by one. They are counted together, by the time the call returns.
func (s *StaticSubscriber[T]) stretch(max int, dst []T, fn func(*T) error) (n int, err error) {
	u, l := s.s, s.lane
	if max = min(max, l.reader.Window()-l.next); u.durable {
		max = min(max, 1)
	}
	u.current, u.handed = l, l.next
	for n < max && err == nil {
		v := codec.Cast[T](l.reader.Bytes(l.next))
		l.next++
		n++
		if fn == nil {
			dst[n-1] = *v
		} else {
			err = fn(v)
		}
	}
	u.countHanded()
	return n, err
}

// next takes the next event of the window.
func (s *StaticSubscriber[T]) next() *T {
	l := s.lane
	slot, _ := l.reader.Slot(l.next)
	l.next++
	s.s.current = l // to be finished
	l.reader.Delivered(1)
	return codec.Cast[T](slot)
}

// await makes sure that the window has an event.
func (s *StaticSubscriber[T]) await(w waitFor) error {
	u := s.s
	u.viewed, u.polls = false, w.try
	if w.ctx != nil {
		if err := ended(w.ctx); err != nil {
			u.settle()
			return fmt.Errorf("subscription %s: %w", u.name, err)
		}
	}
	for {
		ok, err := s.more()
		if ok || err != nil {
			return err
		}
		if u.ending.Load() && u.atEnd() {
			return u.leaveDrained()
		}
		if !w.try {
			if u.timeout > 0 && w.deadline == 0 {
				// Only now: an event that is there needs no clock.
				w.deadline = later(shm.Now(), u.timeout)
			}
			if err := u.sleep(w); err != nil {
				return err
			}
			continue
		}
		if err := u.over(w); err != nil {
			return err
		}
		if err := u.release(); err != nil {
			return err
		}
		return ErrEmpty
	}
}

// more finishes the event before, and tells whether there is another one, opening
// the next window if need be.
func (s *StaticSubscriber[T]) more() (bool, error) {
	u, l := s.s, s.lane
	u.settle()
	if err := u.deferred; err != nil {
		u.deferred = nil
		return false, err
	}
	if l.next >= l.reader.Window() && u.keep {
		return false, nil // the next window would finish this one
	}
	if u.stocked(l) {
		return true, nil
	}
	// A window may come to nothing again and again while a lossy ring overtakes
	// us; whoever waits looks then whether he is to end.
	if !l.reader.Ready() {
		return false, nil
	}
	l.next = 0
	_, missed, err := l.reader.Poll(ring.MaxPin)
	if err != nil {
		return false, fmt.Errorf("lane %s: %w", l.name(), err)
	}
	if missed > 0 {
		resumed := l.reader.Position() - uint64(l.reader.Window())
		return false, &LagError{Static: l.static, Missed: missed, Resumed: resumed, Evicted: l.reader.Evicted(resumed - missed)}
	}
	return l.reader.Window() > 0, nil
}

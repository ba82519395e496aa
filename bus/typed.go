package bus

import (
	"context"
	"time"

	"github.com/rvoip/shmbus/codec"
)

// Message is a copy of an event of type T.
type Message[T any] struct {
	Header
	Value T
	Tail  []byte
}

// Subscriber receives events of type T. One goroutine at a time may receive;
// Close and Stats may be called from any. Its errors are those of
// Subscription.Receive.
type Subscriber[T any] struct {
	s    *Subscription
	typ  TypeID
	size int
}

// Subscribe subscribes to the events of type T. Its errors are those of TypeFor
// and of Bus.Subscribe.
func Subscribe[T any](b *Bus, o *SubscribeOptions) (*Subscriber[T], error) {
	if o == nil {
		o = &SubscribeOptions{}
	}
	t, err := typeFor[T](b, o.Type)
	if err != nil {
		return nil, err
	}
	mine := *o
	mine.looksAt = eventHeader + t.size
	if len(mine.Priorities) == 0 {
		mine.Priorities = t.also.with(t.priority).list()
	}
	s, err := b.subscribe(&mine, []TypeID{t.id})
	if err != nil {
		return nil, err
	}
	return &Subscriber[T]{s: s, typ: t.id, size: t.size}, nil
}

// Receive waits for an event and copies it; it allocates only for a tail.
func (s *Subscriber[T]) Receive(ctx context.Context) (m Message[T], err error) {
	err = s.into(waitFor{ctx: ctx, copies: true}, &m)
	return m, err
}

// ReceiveInto is Receive into the memory of an earlier message.
func (s *Subscriber[T]) ReceiveInto(ctx context.Context, m *Message[T]) error {
	return s.into(waitFor{ctx: ctx, copies: true}, m)
}

// TryReceive copies an event, or returns ErrEmpty.
func (s *Subscriber[T]) TryReceive() (m Message[T], err error) {
	err = s.into(waitFor{try: true, copies: true}, &m)
	return m, err
}

// TryReceiveInto is TryReceive into the memory of an earlier message.
func (s *Subscriber[T]) TryReceiveInto(m *Message[T]) error {
	return s.into(waitFor{try: true, copies: true}, m)
}

// ReceiveTimeout is Receive for at most d; then it returns ErrTimeout.
func (s *Subscriber[T]) ReceiveTimeout(d time.Duration) (m Message[T], err error) {
	err = s.into(waitUntil(d), &m)
	return m, err
}

// View waits for an event and calls fn with it in place: no copy, and nothing
// of it may be used after fn has returned, nor written. It returns what fn
// returns. The event is finished in any case.
func (s *Subscriber[T]) View(ctx context.Context, fn func(v *T, e *Event) error) error {
	return s.one(waitFor{ctx: ctx}, fn)
}

// ViewBatch waits for an event and calls fn with it and with what else is there
// at once, up to max events, each in place and valid only during its call. It
// returns how many calls it made, and stops at the first error.
func (s *Subscriber[T]) ViewBatch(ctx context.Context, max int, fn func(v *T, e *Event) error) (int, error) {
	return s.many(waitFor{ctx: ctx}, max, fn)
}

// TryViewBatch is ViewBatch without waiting: it returns ErrEmpty when there is
// nothing.
func (s *Subscriber[T]) TryViewBatch(max int, fn func(v *T, e *Event) error) (int, error) {
	return s.many(waitFor{try: true}, max, fn)
}

// Raw returns the subscription without its type: for what Subscriber does not
// have. It is the same subscription, with the same position.
func (s *Subscriber[T]) Raw() *Subscription { return s.s }

// Stats returns what the subscription has counted. It is safe for concurrent use.
func (s *Subscriber[T]) Stats() SubscriberStats { return s.s.Stats() }

// Close is Subscription.Close.
func (s *Subscriber[T]) Close() error { return s.s.Close() }

// Remove closes the subscription and forgets it also if it is durable.
func (s *Subscriber[T]) Remove() error { return s.s.Remove() }

func (s *Subscriber[T]) into(w waitFor, m *Message[T]) error { return s.hand(w, m, nil) }

func (s *Subscriber[T]) one(w waitFor, fn func(v *T, e *Event) error) error {
	return s.hand(w, nil, fn)
}

// hand waits for an event, and hands it to fn, or copies it to m.
func (s *Subscriber[T]) hand(w waitFor, m *Message[T], fn func(v *T, e *Event) error) (err error) {
	u := s.s
	if err := u.begin(); err != nil {
		return err
	}
	defer u.leave(protect(), &err)
	u.polls = w.try
	if !u.quick(w.ctx) {
		if err := u.first(w); err != nil {
			return err
		}
	}
	u.within = fn != nil
	if e := &u.event; int(e.raw.value()) != s.size {
		err = e.sized(s.size)
	} else if v := codec.Cast[T](e.Value()); m != nil {
		m.copy(v, e)
	} else {
		err = fn(v, e)
	}
	u.returns(w)
	return err
}

// many waits for an event, and hands it and what else is there to fn: up to max.
func (s *Subscriber[T]) many(w waitFor, max int, fn func(v *T, e *Event) error) (n int, err error) {
	checkBatch(max)
	u := s.s
	if err := u.begin(); err != nil {
		return 0, err
	}
	defer u.leave(protect(), &err)
	u.polls = w.try
	l := u.only
	if u.deferred != nil || w.ctx != nil && w.ctx.Err() != nil {
		l = nil // first tells
	}
	u.within = !w.copies
	for n < max && err == nil {
		if l != nil && u.stocked(l) {
			var k int
			if k, err = s.stretch(l, max-n, fn); k > 0 {
				n += k
				continue
			}
		}
		if n == 0 {
			if err := u.first(w); err != nil {
				u.within = false
				return 0, err
			}
		} else if !u.another() {
			break
		}
		n++
		var v *T
		if v, err = s.value(&u.event); err == nil {
			err = fn(v, &u.event)
		}
	}
	u.returns(w)
	return n, err
}

// stretch hands out the next events of the window, at most max, up to one that is
// not what mostly comes: a T without parts. They are counted together, by the time the
// call returns.
func (s *Subscriber[T]) stretch(l *subLane, max int, fn func(v *T, e *Event) error) (n int, err error) {
	u := s.s
	e, size := &u.event, uint64(s.size)
	run, from := l.reader.Run(l.next), l.next
	max = min(max, run.Len())
	e.at, e.parts.bits, e.lane = eventHeader, 0, l.lane
	u.viewed, u.current, u.handed = false, l, from
	pos, typ := l.reader.Front()+uint64(from), uint64(s.typ)
	for n < max && err == nil {
		slot := run.Bytes(n)
		var raw rawHeader
		raw.get(slot)
		if raw.what&^sourceField != typ || uint64(raw.value()) != size || eventHeader+size+uint64(raw.tail()) > uint64(len(slot)) {
			break
		}
		e.raw, e.pos, e.slot = raw, pos+uint64(n), slot
		n++
		l.next = from + n
		err = fn(codec.Cast[T](slot[eventHeader:]), e)
	}
	u.countHanded()
	return n, err
}

// value bounds the event and views it as T.
func (s *Subscriber[T]) value(e *Event) (*T, error) {
	if int(e.raw.value()) != s.size {
		return nil, e.sized(s.size)
	}
	return codec.Cast[T](e.Value()), nil
}

func (m *Message[T]) copy(v *T, e *Event) {
	e.head(&m.Header)
	m.Value = *v
	m.Tail = m.Tail[:0]
	if e.raw.tail() > 0 {
		m.Tail = append(m.Tail, e.Tail()...)
	}
}

package bus

import "context"

// CopyTo copies the event into the memory of an earlier message, so that it
// may be kept when the callback has returned.
func (e *Event) CopyTo(m *RawMessage) { m.copy(e) }

// TryReceiveInto is TryReceive into the memory of an earlier message.
func (s *Subscription) TryReceiveInto(m *RawMessage) error {
	return s.one(waitFor{try: true, copies: true}, func(e *Event) error { m.copy(e); return nil })
}

// ReceiveBatch waits for an event and copies it and what else is there at once
// into dst, reusing the messages' memory. It returns how many. On a gap it
// returns the events before it; the *LagError comes with the next call. A durable subscription
// is given no more than its Window of each lane at once; the next call finishes
// all of them.
func (s *Subscription) ReceiveBatch(ctx context.Context, dst []RawMessage) (int, error) {
	return s.batch(waitFor{ctx: ctx, copies: true}, dst)
}

// TryReceiveBatch is ReceiveBatch without waiting: it returns ErrEmpty when there
// is nothing.
func (s *Subscription) TryReceiveBatch(dst []RawMessage) (int, error) {
	return s.batch(waitFor{try: true, copies: true}, dst)
}

func (s *Subscription) batch(w waitFor, dst []RawMessage) (n int, err error) {
	if len(dst) == 0 {
		return 0, nil
	}
	return s.many(w, len(dst), func(e *Event) error {
		dst[n].copy(e)
		n++
		return nil
	})
}

// ReceiveBatch waits for an event and copies it and what else is there at once
// into dst, reusing the tails' memory. It returns how many. On a gap it returns
// the events before it; the *LagError comes with the next call. A durable
// subscription is given no more than its Window of each lane at once; the next
// call finishes all of them.
func (s *Subscriber[T]) ReceiveBatch(ctx context.Context, dst []Message[T]) (int, error) {
	return s.batch(waitFor{ctx: ctx, copies: true}, dst)
}

// TryReceiveBatch is ReceiveBatch without waiting: it returns ErrEmpty when there
// is nothing.
func (s *Subscriber[T]) TryReceiveBatch(dst []Message[T]) (int, error) {
	return s.batch(waitFor{try: true, copies: true}, dst)
}

func (s *Subscriber[T]) batch(w waitFor, dst []Message[T]) (n int, err error) {
	if len(dst) == 0 {
		return 0, nil
	}
	_, err = s.many(w, len(dst), func(v *T, e *Event) error {
		dst[n].copy(v, e)
		n++
		return nil
	})
	return n, err
}

// TryView is View without waiting: it returns ErrEmpty when there is no event.
func (s *Subscription) TryView(fn func(*Event) error) error {
	return s.one(waitFor{try: true}, fn)
}

// TryView is View without waiting: it returns ErrEmpty when there is no event.
func (s *Subscriber[T]) TryView(fn func(v *T, e *Event) error) error {
	return s.one(waitFor{try: true}, fn)
}

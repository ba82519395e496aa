package bus

import (
	"context"
	"errors"
	"iter"
)

// Values returns the ring's events in place, for a range loop; they must not be
// written. It is to this subscription what Subscriber.Values is to others.
func (s *StaticSubscriber[T]) Values(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) { s.stream(ctx, yield) }
}

// Messages returns copies of the ring's events, for a range loop. It is to this
// subscription what Subscriber.Messages is to others.
func (s *StaticSubscriber[T]) Messages(ctx context.Context) iter.Seq2[T, error] {
	return copies(ctx, s.Receive)
}

// stream is Subscription.stream.
func (s *StaticSubscriber[T]) stream(ctx context.Context, body func(*T, error) bool) {
	w := waitFor{ctx: ctx}
	inside, on := false, true
	one := func(v *T) error {
		inside = true
		on = body(v, nil)
		inside = false
		if !on {
			return errLeft
		}
		return s.s.over(w)
	}
	for on {
		_, err := s.many(w, streamBatch, nil, one)
		switch {
		case inside:
			panic(err) // a fault within the body
		case on && err != nil:
			on = body(nil, err) && errors.Is(err, ErrLag)
		}
	}
}

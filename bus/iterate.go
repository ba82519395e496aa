package bus

import (
	"context"
	"errors"
	"iter"
)

// Events returns the subscription's events in place, for a range loop. Each is
// valid until the loop goes on or ends, and finished then.
//
// The loop waits where there is no event. A *LagError comes with a nil event and
// does not end it; any other error, as of Receive, is the last that comes. What
// ends it, too, is leaving it. A further loop, of the same iterator or another,
// goes on behind the event that the one before it had last.
//
// The body runs within a receive call: it may close the subscription, but not
// receive from it. It has no way to return what a call could: if a peer
// truncates the region under an event that it reads, that is a panic with an
// error that wraps ErrFault. View returns that error, and so does Messages.
func (s *Subscription) Events(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) { s.stream(ctx, yield) }
}

// Messages returns copies of the subscription's events, for a range loop. Its
// errors and its end are those of Events. The loop's body may keep a copy, and
// may receive from the subscription itself; a copy is finished when the loop
// goes on, or with the next receive call.
func (s *Subscription) Messages(ctx context.Context) iter.Seq2[RawMessage, error] {
	return copies(ctx, s.Receive)
}

// Values returns the values of the subscription's events in place, for a range
// loop; they must not be written. Like Subscription.Events in all else. Where the
// header or the tail matters, range over Raw().Events and take As.
func (s *Subscriber[T]) Values(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		s.s.stream(ctx, func(e *Event, err error) bool {
			var v *T
			if err == nil {
				v, err = s.value(e)
			}
			return yield(v, err) && (err == nil || errors.Is(err, ErrLag))
		})
	}
}

// Messages returns copies of the subscription's events, for a range loop. Like
// Subscription.Messages.
func (s *Subscriber[T]) Messages(ctx context.Context) iter.Seq2[Message[T], error] {
	return copies(ctx, s.Receive)
}

// copies calls receive until the loop or the stream ends. The body runs between
// two calls, so that it may do what it likes.
func copies[M any](ctx context.Context, receive func(context.Context) (M, error)) iter.Seq2[M, error] {
	return func(yield func(M, error) bool) {
		for {
			m, err := receive(ctx)
			if !yield(m, err) || err != nil && !errors.Is(err, ErrLag) {
				return
			}
		}
	}
}

// streamBatch is how many events a loop is given within one receive call.
const streamBatch = 256

// errLeft says that a loop was left.
var errLeft = errors.New("bus: loop was left")

// stream calls body, which is a loop's, until that or an error ends it.
func (s *Subscription) stream(ctx context.Context, body func(*Event, error) bool) {
	w := waitFor{ctx: ctx}
	inside, on := false, true
	one := func(e *Event) error {
		inside = true
		on = body(e, nil)
		inside = false
		if !on {
			return errLeft
		}
		return s.over(w)
	}
	for on {
		_, err := s.many(w, streamBatch, one)
		switch {
		case inside:
			// A fault within the body. The language lets no iterator swallow
			// what has unwound its loop.
			panic(err)
		case on && err != nil:
			on = body(nil, err) && errors.Is(err, ErrLag)
		}
	}
}

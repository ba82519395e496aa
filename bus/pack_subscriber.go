package bus

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/rvoip/shmbus/codec"
)

// PackSubscriber receives packs of type T, as a PackPublisher publishes them. One
// goroutine at a time may receive; Close and Stats may be called from any. Its errors
// are those of Subscription.Receive.
type PackSubscriber[T any] struct {
	s *Subscriber[pack[T]]
	m Message[pack[T]] // of Receive
}

// SubscribePacks subscribes to the packs of type T. A pack is taken or passed over as
// a whole: filter by what its header says, or with Match and AsPack. A filter on a field
// is refused, and MatchValue takes none, since a pack is not of type T. Its errors are
// those of Subscribe, and ErrOptions for a T without size.
func SubscribePacks[T any](b *Bus, o *SubscribeOptions) (*PackSubscriber[T], error) {
	if err := packable[T](); err != nil {
		return nil, err
	}
	inner, err := Subscribe[pack[T]](b, o)
	if err != nil {
		return nil, err
	}
	return &PackSubscriber[T]{s: inner}, nil
}

// Receive waits for a pack, and copies its values to dst[:0], which it extends if need
// be.
func (s *PackSubscriber[T]) Receive(ctx context.Context, dst []T) ([]T, error) {
	return s.copy(dst, s.s.ReceiveInto(ctx, &s.m))
}

// TryReceive is Receive without waiting: it returns ErrEmpty when there is nothing.
func (s *PackSubscriber[T]) TryReceive(dst []T) ([]T, error) {
	return s.copy(dst, s.s.TryReceiveInto(&s.m))
}

// Header is that of the pack that Receive has copied last.
func (s *PackSubscriber[T]) Header() Header { return s.m.Header }

// copy copies what has been received.
func (s *PackSubscriber[T]) copy(dst []T, err error) ([]T, error) {
	if err != nil {
		return dst[:0], err
	}
	if len(s.m.Tail)%s.s.size != 0 {
		_, err = packed[T](&s.s.s.event)
		return dst[:0], err
	}
	n := 1 + len(s.m.Tail)/s.s.size
	dst = slices.Grow(dst[:0], n)[:n]
	dst[0] = s.m.Value.First
	copy(codec.AllBytes(dst[1:]), s.m.Tail)
	return dst, nil
}

// View waits for a pack and calls fn with its values in place: no copy, and nothing of
// it may be used after fn has returned, nor written. It returns what fn returns. The
// pack is finished in any case.
func (s *PackSubscriber[T]) View(ctx context.Context, fn func(vs []T, e *Event) error) error {
	return s.s.View(ctx, viewing(fn))
}

// viewing is what a view of packs is to a view of events.
func viewing[T any](fn func(vs []T, e *Event) error) func(*pack[T], *Event) error {
	return func(_ *pack[T], e *Event) error {
		vs, err := packed[T](e)
		if err != nil {
			return err
		}
		return fn(vs, e)
	}
}

// TryView is View without waiting: it returns ErrEmpty when there is no pack.
func (s *PackSubscriber[T]) TryView(fn func(vs []T, e *Event) error) error {
	return s.s.TryView(viewing(fn))
}

// ViewBatch waits for a pack and calls fn with it and with what else is there at once,
// up to max packs, each in place and valid only during its call. It returns how many
// calls it made, and stops at the first error.
func (s *PackSubscriber[T]) ViewBatch(ctx context.Context, max int, fn func(vs []T, e *Event) error) (int, error) {
	return s.s.ViewBatch(ctx, max, viewing(fn))
}

// TryViewBatch is ViewBatch without waiting: it returns ErrEmpty when there is
// nothing.
func (s *PackSubscriber[T]) TryViewBatch(max int, fn func(vs []T, e *Event) error) (int, error) {
	return s.s.TryViewBatch(max, viewing(fn))
}

// Packs returns the subscription's packs in place, for a range loop; they must not be
// written. Like Subscription.Events in all else.
func (s *PackSubscriber[T]) Packs(ctx context.Context) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		s.s.s.stream(ctx, func(e *Event, err error) bool {
			var vs []T
			if err == nil {
				if _, err = s.s.value(e); err == nil {
					vs, err = packed[T](e)
				}
			}
			return yield(vs, err) && (err == nil || errors.Is(err, ErrLag))
		})
	}
}

// Raw returns the subscription without its type: for what PackSubscriber does not
// have. It is the same subscription, with the same position. AsPack views its events.
func (s *PackSubscriber[T]) Raw() *Subscription { return s.s.s }

// Stats returns what the subscription has counted, in packs. It is safe for concurrent
// use.
func (s *PackSubscriber[T]) Stats() SubscriberStats { return s.s.Stats() }

// Close is Subscription.Close.
func (s *PackSubscriber[T]) Close() error { return s.s.Close() }

// Remove closes the subscription and forgets it also if it is durable.
func (s *PackSubscriber[T]) Remove() error { return s.s.Remove() }

package bench

import (
	"context"
	"fmt"
	"reflect"

	"github.com/rvoip/shmbus/bus"
)

// openStatic opens the static ring of a type of event, which has the name of the
// type. Whoever comes first makes it.
func openStatic[T any](b *bus.Bus, o endOptions) (*bus.Static[T], error) {
	t, ok := any(new(T)).(bus.EventTyper)
	if !ok {
		return nil, fmt.Errorf("%v has no name", reflect.TypeFor[T]())
	}
	return bus.OpenStatic[T](b, t.EventType().Name, o.static)
}

func newStaticPublisher[T any](b *bus.Bus, o endOptions) (valuePublisher[T], error) {
	r, err := openStatic[T](b, o)
	if err != nil {
		return nil, err
	}
	p, err := r.Publisher()
	if err != nil {
		return nil, err
	}
	return p, nil
}

type staticSink[T any] struct {
	s    *bus.StaticSubscriber[T]
	read int
	fn   func(*T) error
}

func newStaticSink[T any](b *bus.Bus, o endOptions, fn func(*T) error) (sink, error) {
	r, err := openStatic[T](b, o)
	if err != nil {
		return nil, err
	}
	s, err := r.Subscribe(&bus.SubscribeOptions{Window: o.read})
	if err != nil {
		return nil, err
	}
	return &staticSink[T]{s: s, read: o.read, fn: fn}, nil
}

func (s *staticSink[T]) take(ctx context.Context) (int, error) {
	return s.s.ViewBatch(ctx, s.read, s.fn)
}

func (s *staticSink[T]) tryTake() (int, error) { return s.s.TryViewBatch(s.read, s.fn) }

func (s *staticSink[T]) stats() bus.SubscriberStats { return s.s.Stats() }

func (s *staticSink[T]) close() error { return s.s.Close() }

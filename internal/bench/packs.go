package bench

import (
	"context"

	"github.com/rvoip/shmbus/bus"
)

// packWindow is how many packs a receiver looks at in one call, at most.
const packWindow = 8

// noPack refuses -pack where there is nothing to be packed.
func (c Config) noPack() error {
	switch {
	case !c.Pack:
		return nil
	case c.Lent:
		return misuse("-pack -lent: a pack is written in its slot anyway; leave out -lent")
	case c.Static || c.Stamp || c.Match > 0 || c.Policy != policyReliable:
		return misuse("-pack: the events of a pack have no time and no key, are none of a static ring, and what is lost of them is counted in packs; leave out -static, -stamp, -match and -policy lossy")
	}
	return nil
}

// packs is the shape of a lane for packs of a batch each, as many events in all as the
// lane would hold one by one.
func (c Config) packs(g bus.LaneGeometry) bus.LaneGeometry {
	for g.Capacity > 2*packWindow && g.Capacity*c.Batch > c.Capacity {
		g.Capacity /= 2
	}
	c.Size *= c.Batch
	g.SlotSize, g.Batch, g.Pins = c.slotSize(), 2, packWindow*c.receivers()
	return g
}

// packSource publishes each batch as one pack, which fill writes in its slot.
type packSource[T any] struct {
	p    *bus.PackPublisher[T]
	fill func(v []T, seq uint64, last bool)
}

func newPackSource[T any](b *bus.Bus, fill func(v []T, seq uint64, last bool)) (source, error) {
	p, err := bus.NewPackPublisher[T](b, &bus.PublisherOptions{Exclusive: true})
	if err != nil {
		return nil, err
	}
	return &packSource[T]{p, fill}, nil
}

func (s *packSource[T]) put(ctx context.Context, seq uint64, n int, last bool) (int, error) {
	l, err := s.p.Loan()
	if err != nil {
		return 0, err
	}
	s.fill(l.Values()[:n], seq, last)
	if err := l.Publish(ctx, n); err != nil {
		l.Discard()
		return 0, err
	}
	return n, nil
}

func (s *packSource[T]) close() error { return s.p.Close() }

type packSink[T any] struct {
	s  *bus.PackSubscriber[T]
	fn func([]T, *bus.Event) error
}

func newPackSink[T any](b *bus.Bus, fn func([]T, *bus.Event) error) (sink, error) {
	s, err := bus.SubscribePacks[T](b, &bus.SubscribeOptions{Window: packWindow})
	if err != nil {
		return nil, err
	}
	return &packSink[T]{s, fn}, nil
}

func (s *packSink[T]) take(ctx context.Context) (int, error) {
	return s.s.ViewBatch(ctx, packWindow, s.fn)
}

func (s *packSink[T]) tryTake() (int, error) { return s.s.TryViewBatch(packWindow, s.fn) }

func (s *packSink[T]) stats() bus.SubscriberStats { return s.s.Stats() }

func (s *packSink[T]) close() error { return s.s.Close() }

package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// smallStatic is a static ring that fills up soon and evicts nobody.
func smallStatic() *bus.StaticOptions {
	return &bus.StaticOptions{
		Capacity: capacity, Ports: 4, Pins: 64, Batch: 8, Participants: 8, Subscribers: 16, EvictAfter: -1,
	}
}

// ticks opens the static ring of the tests, and checks it at their end.
func ticks(t testing.TB, b *bus.Bus, o *bus.StaticOptions) *bus.Static[tick] {
	t.Helper()
	r, err := bus.OpenStatic[tick](b, "ticks", o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := r.Bus().CheckLanes(); !errors.Is(err, bus.ErrClosed) {
			assert.NoError(t, err, "integrity of the ring at the end of the test")
		}
		require.NoError(t, r.Close())
	})
	return r
}

// eachStatic runs a test over a static ring beside a shared and beside a local bus.
func eachStatic(t *testing.T, o *bus.StaticOptions, f func(t *testing.T, r *bus.Static[tick])) {
	t.Helper()
	each(t, func(t *testing.T, b *bus.Bus) { f(t, ticks(t, b, o)) })
}

func staticPub[T any](t testing.TB, r *bus.Static[T]) *bus.StaticPublisher[T] {
	t.Helper()
	p, err := r.Publisher()
	require.NoError(t, err)
	return p
}

func staticSub[T any](t testing.TB, r *bus.Static[T], o *bus.SubscribeOptions) *bus.StaticSubscriber[T] {
	t.Helper()
	s, err := r.Subscribe(o)
	require.NoError(t, err)
	return s
}

// putTicks publishes ticks [from, to) without waiting.
func putTicks(t testing.TB, p *bus.StaticPublisher[tick], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, p.TryPublish(&tick{Seq: uint64(i)}))
	}
}

// fillStatic publishes ticks until the ring is full, and returns the first refused.
func fillStatic(t testing.TB, p *bus.StaticPublisher[tick], from int) int {
	t.Helper()
	for i := from; ; i++ {
		if err := p.TryPublish(&tick{Seq: uint64(i)}); err != nil {
			require.ErrorIs(t, err, bus.ErrFull)
			return i
		}
	}
}

// requireStatic expects ticks [from, to), and nothing more behind them.
func requireStatic(t testing.TB, s *bus.StaticSubscriber[tick], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		v, err := s.TryReceive()
		require.NoErrorf(t, err, "tick %d", i)
		require.Equal(t, uint64(i), v.Seq)
	}
	_, err := s.TryReceive()
	require.ErrorIs(t, err, bus.ErrEmpty)
}

func nothing(*tick) error { return nil }

// sleeping waits until the subscription of that name sleeps.
func sleeping(t testing.TB, r *bus.Static[tick], name string) {
	t.Helper()
	waiting(t, r.Bus(), name)
}

// evictingStatic is smallStatic that waits but a moment for a subscriber.
func evictingStatic() *bus.StaticOptions {
	o := smallStatic()
	o.EvictAfter = time.Millisecond
	return o
}

package bus_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// Handlers of one group share the events, while some join and some stop: each
// event is handled, those of a key in order, and none twice but what a handler that
// ended had handled before another of the same lane began.
func TestHandlersOfAGroup(t *testing.T) {
	leak.Check(t)
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		const keys, events = 40, 200
		l := newLedger()
		start := func(name string) *bus.Handler {
			o := &bus.HandlerOptions{MaxConcurrent: 4, SubscribeOptions: *work}
			o.Name = name
			return handle(t, b, o, func(_ context.Context, v *tick, e *bus.Event) error {
				l.note(e.Header().Key, v.Seq)
				return nil
			})
		}
		step := func(part int) {
			require.Eventually(t, func() bool {
				total, _ := l.count()
				return total >= part*keys*events/4
			}, patience, often)
		}
		first, second := start("first"), start("second")
		published := async(func() error { return publishKeys(newPub[tick](t, b, nil), keys, 0, events) })
		step(1)
		third := start("third")
		step(2)
		require.NoError(t, first.Stop(background()))
		step(3)
		require.NoError(t, second.Close())
		require.NoError(t, result(t, published))
		step(4)
		require.NoError(t, third.Close())
		l.check(t, keys, events)
		ended := 2
		assert.LessOrEqual(t, l.twice, ended*shards*(work.Window-1))
		assert.Positive(t, first.Stats().Handled)
		assert.Positive(t, second.Stats().Handled)
		assert.Equal(t, uint64(keys*events+l.twice), first.Stats().Handled+second.Stats().Handled+third.Stats().Handled)
		require.NoError(t, b.RemoveGroup("work"))
	})
}

// What a member has received and not begun when its handler is closed, and what it
// was told to let be, comes to another member, with the lane.
func TestClosedHandlerLeavesItsLanes(t *testing.T) {
	leak.Check(t)
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		fn := newHeld(true)
		h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: 2, SubscribeOptions: *work}, fn.handle)
		pub := newPub[tick](t, b, nil)
		const events = 3
		for i := range uint64(events) {
			require.NoError(t, pub.PublishWith(background(), &tick{Seq: i}, bus.With{Key: 1}))
		}
		result(t, fn.entered)
		require.Eventually(t, func() bool { return h.Stats().Waiting == events-1 }, patience, often)
		require.NoError(t, h.Close()) // it heeds that
		assert.Empty(t, fn.entered, "nothing begins after that")

		o := *work
		o.Name = "next"
		next := newSub[tick](t, b, &o)
		ctx, cancel := context.WithTimeout(background(), patience)
		defer cancel()
		for i := range uint64(events) {
			m, err := next.Receive(ctx)
			require.NoError(t, err)
			assert.Equal(t, i, m.Value.Seq)
		}
		requireEmpty(t, next)
		settled(t, b, map[string]int{"next": shards})
	})
}

// Of several servers of a group one serves each request, and whichever is left
// serves them all.
func TestServersOfAGroup(t *testing.T) {
	leak.Check(t)
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		var served atomic.Uint64
		var servers []*bus.Server
		for range 3 {
			o := &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Group: "servers", Window: 4}}
			servers = append(servers, serve(t, b, o, func(_ context.Context, req *ask, _ *bus.Event) (answer, error) {
				served.Add(1)
				return answer{2 * req.N}, nil
			}))
		}
		c := newClient(t, b, nil)
		calls := uint64(0)
		for left := len(servers); left > 0; left-- {
			var wg sync.WaitGroup
			for i := range uint64(100) {
				calls++
				wg.Go(func() {
					m, err := c.CallWith(background(), &ask{i}, bus.With{Key: i})
					assert.NoError(t, err)
					assert.Equal(t, 2*i, m.Value.N)
				})
			}
			wg.Wait()
			assert.Equal(t, calls, served.Load())
			require.NoError(t, servers[left-1].Close())
		}
		_, err := c.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrNoSubscriber, "a group without members is no server")
		assert.Zero(t, c.Stats().Late)
	})
}

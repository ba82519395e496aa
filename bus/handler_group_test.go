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
// event is handled once, those of a key in order.
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
		assert.Zero(t, l.twice)
		assert.Positive(t, first.Stats().Handled)
		assert.Positive(t, second.Stats().Handled)
		assert.Equal(t, uint64(keys*events), first.Stats().Handled+second.Stats().Handled+third.Stats().Handled)
		require.NoError(t, b.RemoveGroup("work"))
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

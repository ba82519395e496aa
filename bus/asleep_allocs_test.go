//go:build !race

package bus_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Not under the race detector, which makes pools forget at random.
func TestAllocsWhileAsleep(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		pub, err := bus.NewPublisher[tick](b, nil)
		require.NoError(t, err)
		sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Wait: bus.WaitPark})
		require.NoError(t, err)
		got := make(chan struct{})
		go func() {
			defer close(got)
			var m bus.Message[tick]
			for sub.ReceiveInto(ctx, &m) == nil {
				got <- struct{}{}
			}
		}()
		asleep := func() bool {
			s, err := b.Snapshot()
			return err == nil && len(s.Subscribers) == 1 && s.Subscribers[0].Waiting
		}
		var v tick
		avg := testing.AllocsPerRun(100, func() {
			if err := pub.Publish(ctx, &v); err != nil {
				panic(err)
			}
			<-got
		})
		assert.Zero(t, avg)
		require.Eventually(t, asleep, patience, often)
		cancel()
		<-got
	})
}

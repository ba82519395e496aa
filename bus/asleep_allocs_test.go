package bus_test

import (
	"context"
	"github.com/rvoip/shmbus/bus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"testing"
	"time"
)

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
			var m bus.Message[tick]
			for sub.ReceiveInto(ctx, &m) == nil {
				got <- struct{}{}
			}
			close(got)
		}()
		avg := testing.AllocsPerRun(100, func() {
			time.Sleep(100 * time.Microsecond)
			_ = pub.Publish(ctx, &tick{})
			<-got
		})
		assert.Zero(t, avg)
		cancel()
		<-got
	})
}

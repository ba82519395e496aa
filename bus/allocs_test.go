package bus_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rvoip/shmbus/bus"
)

func TestAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := background()
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, nil)
		var m bus.Message[tick]
		avg := testing.AllocsPerRun(1000, func() {
			v := tick{Seq: 1}
			if err := pub.Publish(ctx, &v); err != nil {
				panic(err)
			}
			if err := sub.ReceiveInto(ctx, &m); err != nil {
				panic(err)
			}
			if err := pub.Publish(ctx, &v); err != nil {
				panic(err)
			}
			if err := sub.View(ctx, func(*tick, *bus.Event) error { return nil }); err != nil {
				panic(err)
			}
			if _, err := pub.PublishBatch(ctx, []tick{v, v}); err != nil {
				panic(err)
			}
			if n, err := sub.TryViewBatch(8, func(*tick, *bus.Event) error { return nil }); err != nil || n != 2 {
				panic(fmt.Sprint(n, err))
			}
		})
		assert.Zero(t, avg)
	})
}

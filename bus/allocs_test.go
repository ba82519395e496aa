package bus_test

import (
	"errors"
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

func BenchmarkPublishReceive(b *testing.B) {
	bb, err := bus.Open("bench", &bus.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer bb.Close()
	ctx := background()
	pub, sub := newPub[tick](b, bb, nil), newSub[tick](b, bb, nil)
	b.Run("lockstep", func(b *testing.B) {
		b.ReportAllocs()
		v := tick{}
		var m bus.Message[tick]
		for range b.N {
			_ = pub.Publish(ctx, &v)
			if err := sub.ReceiveInto(ctx, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("publish", func(b *testing.B) {
		b.ReportAllocs()
		v := tick{}
		for range b.N {
			if err := pub.TryPublish(&v); errors.Is(err, bus.ErrFull) {
				b.StopTimer()
				for {
					if _, err := sub.TryViewBatch(1024, func(*tick, *bus.Event) error { return nil }); err != nil {
						break
					}
				}
				b.StartTimer()
			}
		}
	})
}

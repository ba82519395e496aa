package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

type tick struct {
	Seq  uint64
	Name codec.String32
	Data [16]byte
}

type alarm struct{ Seq uint64 }

func (alarm) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.alarm", Priority: bus.Critical}
}

// small is a geometry that fills up soon.
func small() bus.Geometry {
	lane := bus.LaneGeometry{Capacity: 64, SlotSize: 128, Ports: 8, Pins: 64, Batch: 8}
	return bus.Geometry{Critical: lane, High: lane, Normal: lane, Low: lane}
}

// each runs a test over a shared and over a local bus.
func each(t *testing.T, f func(t *testing.T, b *bus.Bus)) {
	t.Run("Shared", func(t *testing.T) {
		b, err := bus.Open("test", &bus.Options{Dir: t.TempDir(), Geometry: small()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		f(t, b)
	})
	t.Run("Local", func(t *testing.T) {
		b, err := bus.OpenLocal(&bus.Options{Geometry: small()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		f(t, b)
	})
}

func TestPublishReceive(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := context.Background()
		pub, err := bus.NewPublisher[tick](b, nil)
		require.NoError(t, err)
		sub, err := bus.Subscribe[tick](b, nil)
		require.NoError(t, err)
		v := tick{Seq: 7}
		require.NoError(t, v.Name.Set("seven"))
		require.NoError(t, pub.PublishWith(ctx, &v, bus.With{Key: 9, Tail: []byte("tail")}))
		m, err := sub.Receive(ctx)
		require.NoError(t, err)
		assert.Equal(t, uint64(7), m.Value.Seq)
		assert.Equal(t, "seven", m.Value.Name.String())
		assert.Equal(t, "tail", string(m.Tail))
		assert.Equal(t, uint64(9), m.Key)
		assert.NotZero(t, m.Time)
		_, err = sub.TryReceive()
		assert.ErrorIs(t, err, bus.ErrEmpty)
	})
}

func TestReliableFullAndOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := context.Background()
		pub, err := bus.NewPublisher[tick](b, nil)
		require.NoError(t, err)
		sub, err := bus.Subscribe[tick](b, nil)
		require.NoError(t, err)
		n := 0
		for ; ; n++ {
			if err = pub.TryPublish(&tick{Seq: uint64(n)}); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, bus.ErrFull)
		require.Equal(t, 64, n)
		const more = 20000
		done := make(chan error, 1)
		go func() {
			for i := n; i < more; i++ {
				if err := pub.Publish(ctx, &tick{Seq: uint64(i)}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for i := range more {
			m, err := sub.Receive(ctx)
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, <-done)
	})
}

func TestAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := context.Background()
		pub, err := bus.NewPublisher[tick](b, nil)
		require.NoError(t, err)
		sub, err := bus.Subscribe[tick](b, nil)
		require.NoError(t, err)
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
			if err := sub.View(ctx, func(v *tick, e *bus.Event) error { return nil }); err != nil {
				panic(err)
			}
			if _, err := pub.PublishBatch(ctx, []tick{v, v}); err != nil {
				panic(err)
			}
			if n, err := sub.TryViewBatch(8, func(v *tick, e *bus.Event) error { return nil }); err != nil || n != 2 {
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
	ctx := context.Background()
	pub, _ := bus.NewPublisher[tick](bb, nil)
	sub, _ := bus.Subscribe[tick](bb, nil)
	b.Run("lockstep", func(b *testing.B) {
		b.ReportAllocs()
		v := tick{}
		var m bus.Message[tick]
		for i := 0; i < b.N; i++ {
			_ = pub.Publish(ctx, &v)
			if err := sub.ReceiveInto(ctx, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("publish", func(b *testing.B) {
		b.ReportAllocs()
		v := tick{}
		for i := 0; i < b.N; i++ {
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

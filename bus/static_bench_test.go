package bus_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// benchRing is a static ring beside a bus whose Normal lane has the same shape.
func benchRing(b *testing.B) (*bus.Bus, *bus.Static[tick]) {
	normal := bus.LaneGeometry{Capacity: 4096, SlotSize: 128, Ports: 8, NoTime: true}
	bb, err := bus.Open("bench", &bus.Options{Dir: b.TempDir(), Geometry: bus.Geometry{Normal: normal}})
	require.NoError(b, err)
	b.Cleanup(func() { _ = bb.Close() })
	r, err := bus.OpenStatic[tick](bb, "ticks", nil)
	require.NoError(b, err)
	return bb, r
}

// BenchmarkStatic sets a static ring beside the general path, in one goroutine.
func BenchmarkStatic(b *testing.B) {
	bb, r := benchRing(b)
	ctx := background()
	pub, sub := staticPub(b, r), staticSub(b, r, nil)
	gpub, gsub := newPub[tick](b, bb, &bus.PublisherOptions{Exclusive: true}), newSub[tick](b, bb, nil)
	var v tick
	var m bus.Message[tick]
	b.Run("do=lockstep/path=static", func(b *testing.B) {
		for b.Loop() {
			_ = pub.Publish(ctx, &v)
			if err := sub.ReceiveInto(ctx, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("do=lockstep/path=lane", func(b *testing.B) {
		for b.Loop() {
			_ = gpub.Publish(ctx, &v)
			if err := gsub.ReceiveInto(ctx, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("do=publish/path=static", func(b *testing.B) {
		for b.Loop() {
			if err := pub.TryPublish(&v); errors.Is(err, bus.ErrFull) {
				b.StopTimer()
				for err = nil; err == nil; _, err = sub.TryViewBatch(1024, nothing) {
				}
				b.StartTimer()
			}
		}
	})
	b.Run("do=publish/path=lane", func(b *testing.B) {
		for b.Loop() {
			if err := gpub.TryPublish(&v); errors.Is(err, bus.ErrFull) {
				b.StopTimer()
				for err = nil; err == nil; _, err = gsub.TryViewBatch(1024, func(*tick, *bus.Event) error { return nil }) {
				}
				b.StartTimer()
			}
		}
	})
	// So many are published, and then all viewed; per event.
	const burst = 2048
	b.Run("do=burst/path=static", func(b *testing.B) {
		_, _ = sub.TryViewBatch(4096, nothing)
		for b.Loop() {
			for range burst {
				_ = pub.Publish(ctx, &v)
			}
			for err := error(nil); err == nil; _, err = sub.TryViewBatch(64, nothing) {
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/burst, "ns/event")
	})
	b.Run("do=burst/path=lane", func(b *testing.B) {
		_, _ = gsub.TryViewBatch(4096, func(*tick, *bus.Event) error { return nil })
		for b.Loop() {
			for range burst {
				_ = gpub.Publish(ctx, &v)
			}
			for err := error(nil); err == nil; _, err = gsub.TryViewBatch(64, func(*tick, *bus.Event) error { return nil }) {
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/burst, "ns/event")
	})
}

// BenchmarkStaticStream has a publisher and a subscriber at work at the same time.
func BenchmarkStaticStream(b *testing.B) {
	bb, r := benchRing(b)
	ctx := background()
	pub, sub := staticPub(b, r), staticSub(b, r, &bus.SubscribeOptions{Window: 64})
	gpub, gsub := newPub[tick](b, bb, &bus.PublisherOptions{Exclusive: true}), newSub[tick](b, bb, &bus.SubscribeOptions{Window: 64})
	stream := func(publish func(*tick) error, view func(int) (int, error)) func(b *testing.B) {
		return func(b *testing.B) {
			done := async(func() error {
				for n := 0; n < b.N; {
					m, err := view(min(64, b.N-n))
					if err != nil {
						return err
					}
					n += m
				}
				return nil
			})
			var v tick
			for range b.N {
				if err := publish(&v); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, <-done)
		}
	}
	b.Run("path=static", stream(func(v *tick) error { return pub.Publish(ctx, v) },
		func(n int) (int, error) { return sub.ViewBatch(ctx, n, nothing) }))
	b.Run("path=lane", stream(func(v *tick) error { return gpub.Publish(ctx, v) },
		func(n int) (int, error) { return gsub.ViewBatch(ctx, n, func(*tick, *bus.Event) error { return nil }) }))
}

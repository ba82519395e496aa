package bench

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// What checks an event's content and books it is compiled here into the function that a
// receive calls. As functions of their own, as in [flow.sink], they take 2 ns more of
// each event, a sixth of what a receive of 64 bytes costs in a batch. None of these sinks
// may be inlined: see valueFlow. (The same of what fills a single event gains 2 to 3 %.)

// sized is the flow of the values of package payload.
func sized[T any]() flow {
	f := valueFlow(payload.Fill[T], payload.Read[T], sizedTracked[T])
	others := f.source
	f.source = func(b *bus.Bus, o endOptions) (source, error) {
		if o.pack {
			return newPackSource(b, func(v []T, seq uint64, last bool) { fillPack(v, o, seq, last) })
		}
		return others(b, o)
	}
	return f
}

// fillPack fills the events from seq on.
func fillPack[T any](v []T, o endOptions, seq uint64, last bool) {
	payload.FillAll(v, payload.NewNote(o.publisher, seq, false), o.verify)
	if end := len(v) - 1; last {
		payload.Fill(&v[end], payload.NewNote(o.publisher, seq+uint64(end), true), o.verify)
	}
}

//go:noinline
func sizedTracked[T any](b *bus.Bus, o endOptions, t *tracker) (sink, error) {
	verify := o.verify // o is large
	if o.pack {
		return newPackSink(b, func(vs []T, _ *bus.Event) error {
			for i := range vs {
				t.see(payload.Read(&vs[i], verify))
			}
			return nil
		})
	}
	if o.static != nil {
		return newStaticSink(b, o, func(v *T) error {
			t.see(payload.Read(v, verify))
			return nil
		})
	}
	return newViewSink(b, o, func(v *T, _ *bus.Event) error {
		t.see(payload.Read(v, verify))
		return nil
	})
}

//go:noinline
func seedTracked(b *bus.Bus, o endOptions, t *tracker) (sink, error) {
	verify := o.verify
	if o.static != nil {
		return newStaticSink(b, o, func(v *seedEvent) error {
			t.see(payload.ReadSeed(&v.V, verify))
			return nil
		})
	}
	return newViewSink(b, o, func(v *seedEvent, _ *bus.Event) error {
		t.see(payload.ReadSeed(&v.V, verify))
		return nil
	})
}

package bus_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Events of benchmarks, by size.
type (
	bytes64   struct{ Data [64]byte }
	bytes256  struct{ Data [256]byte }
	bytes1024 struct{ Data [1024]byte }
)

const (
	benchCapacity = 4096
	benchBatch    = 16
)

// benchBus has a Normal lane that holds events of every size of benchmarks.
func benchBus(b *testing.B) *bus.Bus {
	b.Helper()
	normal := bus.LaneGeometry{Capacity: benchCapacity, SlotSize: 1088, Ports: 8, Pins: 256, Batch: benchBatch, NoTime: true}
	bb, err := bus.Open("bench", &bus.Options{Dir: b.TempDir(), Geometry: bus.Geometry{Normal: normal}})
	require.NoError(b, err)
	b.Cleanup(func() { _ = bb.Close() })
	b.ReportAllocs()
	return bb
}

// emptied is publishing in bursts that the subscribers read meanwhile, without the
// clock: what it costs while nobody is in the way.
func emptied[T any](b *testing.B, subs []*bus.Subscriber[T], per int, publish func()) {
	b.Helper()
	const burst = benchCapacity / 4
	left := burst
	for b.Loop() {
		if left -= per; left < 0 {
			b.StopTimer()
			for _, s := range subs {
				empty(b, s)
			}
			left = burst - per
			b.StartTimer()
		}
		publish()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*per), "ns/event")
}

// empty reads all there is.
func empty[T any](b *testing.B, s *bus.Subscriber[T]) {
	for {
		_, err := s.TryViewBatch(64, func(*T, *bus.Event) error { return nil })
		if errors.Is(err, bus.ErrEmpty) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// publishes sweeps the ways to publish events of one size.
func publishes[T any](b *testing.B, size int) {
	run := func(how string, per int, publish func(b *testing.B, p *bus.Publisher[T]) func()) {
		b.Run(fmt.Sprintf("size=%d/how=%s", size, how), func(b *testing.B) {
			bb := benchBus(b)
			p := newPub[T](b, bb, &bus.PublisherOptions{Exclusive: true})
			subs := []*bus.Subscriber[T]{newSub[T](b, bb, &bus.SubscribeOptions{Window: 64})}
			emptied(b, subs, per, publish(b, p))
		})
	}
	run("copy", 1, func(b *testing.B, p *bus.Publisher[T]) func() {
		v := new(T)
		return func() {
			if err := p.TryPublish(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("loan", 1, func(b *testing.B, p *bus.Publisher[T]) func() {
		return func() {
			l, err := p.Loan()
			if err == nil {
				err = l.TryPublish()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	run(fmt.Sprintf("batch-of-%d", benchBatch), benchBatch, func(b *testing.B, p *bus.Publisher[T]) func() {
		vs := make([]T, benchBatch)
		return func() {
			if n, err := p.PublishBatch(background(), vs); n != benchBatch || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	run(fmt.Sprintf("loans-of-%d", benchBatch), benchBatch, func(b *testing.B, p *bus.Publisher[T]) func() {
		ls := make([]bus.Loan[T], benchBatch)
		return func() {
			n, err := p.LoanBatch(ls)
			if err == nil {
				n, err = p.TryPublishLoans(ls[:n])
			}
			if n != benchBatch || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	publishes[bytes64](b, 64)
	publishes[bytes256](b, 256)
	publishes[bytes1024](b, 1024)
}

// BenchmarkSubscribers is one publish against several subscribers that keep up.
func BenchmarkSubscribers(b *testing.B) {
	for _, n := range []int{0, 1, 4, 8} {
		b.Run(fmt.Sprintf("subs=%d", n), func(b *testing.B) {
			bb := benchBus(b)
			p := newPub[bytes64](b, bb, &bus.PublisherOptions{Exclusive: true})
			var subs []*bus.Subscriber[bytes64]
			for range n {
				subs = append(subs, newSub[bytes64](b, bb, &bus.SubscribeOptions{Window: 16}))
			}
			var v bytes64
			emptied(b, subs, 1, func() {
				if err := p.TryPublish(&v); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// filled is receiving events of several keys, published before, without the clock.
// Take receives until there is nothing more.
func filled(b *testing.B, o *bus.SubscribeOptions, take func(s *bus.Subscriber[bytes64]) error) {
	b.Helper()
	bb := benchBus(b)
	p := newPub[bytes64](b, bb, &bus.PublisherOptions{Exclusive: true})
	s := newSub[bytes64](b, bb, o)
	const burst = benchCapacity / 2
	var v bytes64
	for b.Loop() {
		b.StopTimer()
		for i := range burst {
			v.Data[0] = byte(i % 8)
			if err := p.TryPublishWith(&v, bus.With{Key: uint64(i % 8)}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		for {
			err := take(s)
			if errors.Is(err, bus.ErrEmpty) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/event")
}

var ignore = func(*bytes64, *bus.Event) error { return nil }

func viewMany(s *bus.Subscriber[bytes64]) error {
	_, err := s.TryViewBatch(64, ignore)
	return err
}

func BenchmarkReceive(b *testing.B) {
	var m bus.Message[bytes64]
	ms := make([]bus.Message[bytes64], 64)
	for _, way := range []struct {
		how  string
		take func(*bus.Subscriber[bytes64]) error
	}{
		{"copy", func(s *bus.Subscriber[bytes64]) error { return s.TryReceiveInto(&m) }},
		{"copies-of-64", func(s *bus.Subscriber[bytes64]) error { _, err := s.TryReceiveBatch(ms); return err }},
		{"view", func(s *bus.Subscriber[bytes64]) error { return s.TryView(ignore) }},
		{"views-of-64", viewMany},
	} {
		b.Run("size=64/how="+way.how, func(b *testing.B) { filled(b, &bus.SubscribeOptions{Window: 64}, way.take) })
	}
}

// BenchmarkFilter passes over seven of eight events, in place.
func BenchmarkFilter(b *testing.B) {
	for _, f := range []struct {
		by     string
		filter bus.Filter
	}{
		{"nothing", bus.Filter{}},
		{"key", bus.Keys(3)},
		{"header", bus.Match(func(e *bus.Event) bool { return e.Header().Key == 3 })},
		{"value", bus.MatchValue(func(v *bytes64) bool { return v.Data[0] == 3 })},
	} {
		b.Run("by="+f.by, func(b *testing.B) {
			filled(b, &bus.SubscribeOptions{Window: 64, Filter: f.filter}, viewMany)
		})
	}
}

// BenchmarkLockstep is one event there, in one goroutine.
func BenchmarkLockstep(b *testing.B) {
	bb := benchBus(b)
	p := newPub[bytes64](b, bb, &bus.PublisherOptions{Exclusive: true})
	s := newSub[bytes64](b, bb, nil)
	var v bytes64
	var m bus.Message[bytes64]
	for b.Loop() {
		if err := p.Publish(background(), &v); err != nil {
			b.Fatal(err)
		}
		if err := s.ReceiveInto(background(), &m); err != nil {
			b.Fatal(err)
		}
	}
}

package ring_test

import (
	"fmt"
	"testing"

	"github.com/rvoip/shmbus/ring"
)

// benchLane is a lane for benchmarks, with readers that have joined.
func benchLane(b *testing.B, size, batch, readers int, gated bool) (*ring.Lane, *ring.Producer, []*ring.Reader) {
	b.Helper()
	lane := newLane(b, ring.Geometry{
		Capacity: 1024, SlotSize: size, Ports: 2, Pins: 64 * max(readers, 1), Batch: batch, Readers: 16, Reliable: gated,
	}, 0)
	p := newProducer(b, lane)
	var rs []*ring.Reader
	for i := range readers {
		r := newReader(b, lane, i, 64)
		r.Join()
		rs = append(rs, r)
	}
	b.ReportAllocs()
	return lane, p, rs
}

func perSecond(b *testing.B, events int) {
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

// publishOne is what a caller does for one event.
func publishOne(b *testing.B, p *ring.Producer, payload []byte) {
	c, slot, err := p.Reserve()
	if err == nil {
		copy(slot, payload)
		_, err = p.Publish(c)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{64, 256, 1024} {
		for _, readers := range []int{0, 1, 4} { // that keep their first window
			b.Run(fmt.Sprintf("size=%d/readers=%d", size, readers), func(b *testing.B) {
				_, p, _ := benchLane(b, size, 1, readers, false)
				payload := make([]byte, size)
				for b.Loop() {
					publishOne(b, p, payload)
				}
				perSecond(b, b.N)
			})
		}
	}
}

// BenchmarkPoll reads what was published before, in windows; publishing does not
// count.
func BenchmarkPoll(b *testing.B) {
	const burst = 512
	for _, window := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("size=64/window=%d", window), func(b *testing.B) {
			_, p, rs := benchLane(b, 64, 1, 1, true)
			payload, sum := make([]byte, 64), 0
			for b.Loop() {
				b.StopTimer()
				for range burst {
					publishOne(b, p, payload)
				}
				b.StartTimer()
				for got := 0; got < burst; {
					n, _, err := rs[0].Poll(window)
					if n == 0 || err != nil {
						b.Fatal(n, err)
					}
					for k := range n {
						slot, _ := rs[0].Slot(k)
						sum += int(slot[0])
					}
					got += n
				}
			}
			perEvent(b, b.N*burst)
		})
	}
}

func BenchmarkLockstep(b *testing.B) {
	for _, gated := range []bool{false, true} {
		b.Run(fmt.Sprintf("size=64/reliable=%t", gated), func(b *testing.B) {
			_, p, rs := benchLane(b, 64, 1, 1, gated)
			payload, sum := make([]byte, 64), 0
			for b.Loop() {
				publishOne(b, p, payload)
				n, _, err := rs[0].Poll(64)
				if n != 1 || err != nil {
					b.Fatal(n, err)
				}
				slot, _ := rs[0].Slot(0)
				sum += int(slot[0])
			}
			perSecond(b, b.N)
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, batch := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("size=64/batch=%d", batch), func(b *testing.B) {
			_, p, rs := benchLane(b, 64, batch, 1, true)
			payload, sum := make([]byte, 64), 0
			cells := make([]int, batch)
			for b.Loop() {
				for k := range cells {
					c, slot, err := p.Reserve()
					if err != nil {
						b.Fatal(err)
					}
					copy(slot, payload)
					cells[k] = c
				}
				if _, _, err := p.PublishBatch(cells); err != nil {
					b.Fatal(err)
				}
				n, _, err := rs[0].Poll(64)
				if n != batch || err != nil {
					b.Fatal(n, err)
				}
				for k := range n {
					slot, _ := rs[0].Slot(k)
					sum += int(slot[0])
				}
			}
			perSecond(b, b.N*batch)
			perEvent(b, b.N*batch)
		})
	}
}

// BenchmarkStream is a producer and a reader on goroutines of their own.
func BenchmarkStream(b *testing.B) {
	for _, gated := range []bool{false, true} {
		b.Run(fmt.Sprintf("size=64/reliable=%t", gated), func(b *testing.B) {
			lane, p, rs := benchLane(b, 64, 1, 1, gated)
			received := make(chan int, 1)
			go func() {
				got, sum := 0, 0
				for r := rs[0]; r.Position() != uint64(b.N); {
					n, _, err := r.Poll(64)
					if err != nil {
						b.Error(err)
						break
					}
					for k := range n {
						slot, _ := r.Slot(k)
						sum += int(slot[0])
					}
					got += n
				}
				received <- got
			}()
			payload := make([]byte, 64)
			b.ResetTimer()
			for range b.N {
				c, slot, err := p.Reserve()
				if err != nil {
					b.Fatal(err)
				}
				copy(slot, payload)
				for {
					if _, err = p.Publish(c); err == nil {
						break
					}
					if ticket, full := lane.PrepareRoom(); full {
						_ = lane.AwaitRoom(ticket, 0)
					}
				}
			}
			got := <-received
			perSecond(b, b.N)
			b.ReportMetric(100*float64(got)/float64(b.N), "%received")
		})
	}
}

package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/bench/payload"
)

// sizeWorkload is fanout with values of 16 B, 32 B and so on to -size. Large events
// get a lane of fewer of them, so that none is larger than a container's /dev/shm
// and the caches matter at all sizes alike.
var sizeWorkload = &workload{
	name:  "size",
	usage: "throughput and cost of an event from 16 B to -size, beside a copy of the same bytes",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: 16 << 10, Batch: 1, Read: 64, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 500 * time.Millisecond,
	},
	steps: func(c Config) int { return len(sizesTo(c.Size)) },
	check: func(c Config) error {
		if c.Stamp {
			return misuse("size -stamp: it measures no latencies; leave it out")
		}
		return c.noMatch("size")
	},
	run:   runSize,
	roles: streamRoles,
}

// sizesTo are the sizes from the smallest on, doubled, and most.
func sizesTo(most int) (sizes []int) {
	for n := payload.HeadSize; n < most; n *= 2 {
		sizes = append(sizes, n)
	}
	return append(sizes, most)
}

// laneBytes is how much a lane of large events may have in its slots.
const laneBytes = 16 << 20

// sizedTo is the configuration for events of a size.
func (c Config) sizedTo(size int) Config {
	c.Size = size
	for c.Capacity*c.slotSize() > laneBytes && c.Capacity >= 4*c.Batch && c.Capacity > 2 {
		c.Capacity /= 2
	}
	return c
}

func runSize(ctx context.Context, t *trial) (*Result, error) {
	r := &Result{}
	for _, size := range sizesTo(t.config.Size) {
		c := t.config.sizedTo(size)
		step := t.with(c, fmt.Sprint("size", size))
		p := Point{Pubs: c.Pubs, Subs: c.Subs, Size: size, Capacity: c.Capacity}
		p, err := step.step(ctx, r, p, func(ctx context.Context) (*Result, error) { return runStream(ctx, step, false) })
		if err != nil {
			return nil, err
		}
		p.PublishNS = 1e9 / p.PublishedPerS
		p.BytesPerS = p.PublishedPerS * float64(size)
		p.Ratio, p.RatioOf = ratio(p.PublishNS, p.Floor.SPSCEventNS), "time per published event / spsc_event_ns"
		p.CopyRatio = ratio(p.PublishNS, p.Floor.CopyNS)
		r.Points = append(r.Points, p)
	}
	r.tableOfSize()
	return r, nil
}

func (r *Result) tableOfSize() {
	r.points = [][]string{{"bytes", "capacity", "events", "bytes", "per event", "to a bare ring", "to a copy"}}
	for _, p := range r.Points {
		r.points = append(r.points, []string{
			fmt.Sprint(p.Size), fmt.Sprint(p.Capacity), rate(p.PublishedPerS), si(p.BytesPerS) + "B/s", ns(p.PublishNS),
			fmt.Sprintf("%.2f", p.Ratio), fmt.Sprintf("%.2f", p.CopyRatio),
		})
	}
	last := r.Points[len(r.Points)-1]
	r.headline = last.BytesPerS
	r.setBeside = func(r *Result) {
		r.Ratio, r.RatioOf = last.CopyRatio, fmt.Sprintf("time per published event of %d B / a copy of its bytes", last.Size)
	}
}

package bench

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	roleRTP   = "rtp-publish"
	roleMedia = "rtp-subscribe"

	// A call has a stream in each direction, and a stream 50 packets a second.
	streamsPerCall   = 2
	packetsPerSecond = 50

	maxCalls = 10_000_000

	// lateLimit is how late 999 packets of 1,000 may be, and the last one, in a
	// run that held.
	lateLimit = 5 * time.Millisecond
)

// rtpWorkload is the RTP load of a number of calls, from one process to one. When a
// packet is due is fixed by its number, the packets of all streams spread evenly;
// what is due is published in batches. A packet is late by the time from when it
// was due until its batch was received and checked, so that a publisher which
// stood still shows in the lateness of all packets that came too late of it.
var rtpWorkload = &workload{
	name:  "rtp",
	usage: "RTP of many calls at its intended rate: 172 B packets, 50 a second and stream, both directions",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: payload.RTPSize, Batch: 64, Read: 128, Capacity: 16384, Calls: 100_000,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 5 * time.Second,
	},
	flags: func(c *Config) []cli.Flag {
		return []cli.Flag{
			&cli.IntFlag{Name: "calls", Value: c.Calls, Destination: &c.Calls, Usage: "calls at the same time, 100 packets a second each"},
			&cli.BoolFlag{Name: "lent", Destination: &c.Lent, Usage: "fill lent slots in place, instead of publishing copies of packets"},
			&cli.BoolFlag{Name: "pack", Destination: &c.Pack, Usage: "publish each batch as a pack, in one event of the bus"},
			&cli.BoolFlag{Name: "search", Destination: &c.Search, Usage: "find the highest number of calls that holds, beginning at -calls; each try takes the duration"},
		}
	},
	steps: func(c Config) int {
		if c.Search {
			return mostTries
		}
		return 1
	},
	ownSize: true,
	check: func(c Config) error {
		switch {
		case c.Calls < 1 || c.Calls > maxCalls:
			return misuse("-calls %d: want 1 to %d", c.Calls, maxCalls)
		case c.Pubs != 1 || c.Subs != 1:
			return misuse("rtp has one RTP process and one media process: leave out -pubs and -subs")
		case c.Size != payload.RTPSize:
			return misuse("-size %d: a packet of G.711 has %d bytes; fanout takes any size", c.Size, payload.RTPSize)
		case c.Stamp:
			return misuse("rtp -stamp: when a packet was due is known without; leave it out")
		}
		return c.noMatch("rtp")
	},
	run:   runRTP,
	roles: map[string]fleet.Role{roleRTP: rtpPublish, roleMedia: rtpReceive},
}

// streams is how many streams of RTP there are, 0 in other workloads.
func (c Config) streams() uint64 { return streamsPerCall * uint64(c.Calls) }

// packetRate is the packets a second of all calls.
func (c Config) packetRate() float64 { return packetsPerSecond * float64(c.streams()) }

// RTP is how a number of calls went.
type RTP struct {
	Calls int `json:"calls"`
	// Rate and Achieved are packets a second: intended, and published and received
	// from the first one's due time to the last one's receipt.
	Rate     float64 `json:"rate"`
	Achieved float64 `json:"achieved_per_s"`
	// Late has the percentiles of lateness, LastLate that of the last packet.
	Late     *stat.Percentiles `json:"late_ns"`
	LastLate int64             `json:"last_late_ns"`
	// Unsent packets were due and not published when the time was over.
	Unsent uint64 `json:"unsent"`
	// Held says that all packets were published and received, to the end at
	// the intended rate, with the 99.9th percentile and the last one in time.
	Held bool `json:"held"`
	// Tries are those of a search.
	Tries []RTPTry `json:"tries,omitempty"`
}

// rtpSent and rtpGot are the results of the two processes.
type rtpSent struct {
	published
	Unsent uint64 `json:"unsent"`
}

type rtpGot struct {
	received
	Late     *stat.Latency `json:"late"`
	LastLate int64         `json:"last_late"`
}

func runRTP(ctx context.Context, t *trial) (*Result, error) {
	if t.config.Search {
		return searchRTP(ctx, t)
	}
	return rtpOnce(ctx, t)
}

func rtpOnce(ctx context.Context, t *trial) (_ *Result, err error) {
	pl, err := t.place(bus.Normal)
	if err != nil {
		return nil, err
	}
	done, err := pl.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	crew, err := t.crew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	c := streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration}
	members, err := startAll(crew, specsOf(c, roleMedia, roleRTP), t.config.Local)
	if err != nil {
		return nil, err
	}
	defer t.progress.follow(t.title(), members[1:], members[:1])()
	crew.Go()
	var sent rtpSent
	if err := members[1].AwaitDone(&sent); err != nil {
		return nil, err
	}
	crew.Drain(sent.Events)
	var got rtpGot
	if err := members[0].AwaitDone(&got); err != nil {
		return nil, err
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := sumRTP(t.config, sent, got)
	r.setUsage(us)
	return r, nil
}

// sumRTP makes the result of what the two processes told.
func sumRTP(c Config, sent rtpSent, got rtpGot) *Result {
	r := sumStream([]published{sent.published}, []received{got.received})
	r.PublishNS = 0 // its wall time is what it waited for packets to be due
	if span := float64(got.End-sent.Begin) / 1e9; span > 0 {
		r.Seconds = span
		r.PublishedPerS, r.DeliveredPerS = perSecond(r.Published, span), perSecond(r.Delivered, span)
	}
	r.latency = got.Late
	x := &RTP{
		Calls: c.Calls, Rate: c.packetRate(), Achieved: min(r.PublishedPerS, r.DeliveredPerS),
		Late: got.Late.Percentiles(), LastLate: got.LastLate, Unsent: sent.Unsent,
	}
	x.Held = x.Unsent == 0 && r.Lost == 0 && x.Late != nil && x.Late.P999 < int64(lateLimit) && x.LastLate < int64(lateLimit)
	r.RTP = x
	r.details = x.rows()
	return r
}

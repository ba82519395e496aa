package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	roleFloodCritical = "flood-critical"
	roleFlooder       = "flood-publish"
	roleFloodReceive  = "flood-subscribe"
)

// floodWorkload publishes Critical events at a fixed rate while -pubs processes
// publish on Normal and Low, in turn, as fast as they can. Each subscriber takes
// all three lanes in one subscription, so that it is drowned in the lower ones and
// has to come to the Critical ones first. The same processes do the same without
// the flood first: the idle run. With the defaults there are twice as many busy
// processes as on a small machine processors.
var floodWorkload = &workload{
	name:  "flood",
	usage: "Critical at a fixed rate while other processes saturate Normal and Low, beside its idle run",
	defaults: Config{
		Pubs: 2, Subs: 1, Size: 64, Batch: 16, Read: 64, Capacity: 4096, Rate: 1000,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 5 * time.Second,
	},
	flags: func(c *Config) []cli.Flag { return []cli.Flag{rateFlag(c)} },
	steps: func(Config) int { return 2 },
	check: func(c Config) error {
		switch {
		case c.Pubs < 2:
			return misuse("flood -pubs %d: want at least 2, one on Normal and one on Low", c.Pubs)
		case c.Static:
			return misuse("flood -static: a static ring has one lane and no priorities")
		case c.Policy != policyReliable:
			return misuse("flood -policy %s: Critical and Normal are reliable, Low is lossy; leave it out", c.Policy)
		}
		if err := c.checkRate(); err != nil {
			return err
		}
		return c.noMatch("flood")
	},
	run:   runFlood,
	roles: map[string]fleet.Role{roleFloodCritical: floodCritical, roleFlooder: floodPublish, roleFloodReceive: floodReceive},
}

// Flood sets Critical events under a flood beside those without. Times are from
// publish to receipt, and, late, from when an event was due to receipt: that is
// with what its publisher waited for a processor.
type Flood struct {
	Critical     *stat.Percentiles `json:"critical"`
	Idle         *stat.Percentiles `json:"idle"`
	CriticalLate *stat.Percentiles `json:"critical_late"`
	IdleLate     *stat.Percentiles `json:"idle_late"`
	// RatioP50 is the median of Critical to that of Idle; the run's ratio is that
	// of their 99th percentiles.
	RatioP50 float64     `json:"ratio_p50"`
	Lower    []FloodLane `json:"lower"`
	// Busy is how many processors were busy with the flood, on average.
	Busy float64 `json:"cpus_busy"`
}

// FloodLane is how a lane fared.
type FloodLane struct {
	Lane          string  `json:"lane"`
	Published     uint64  `json:"published"`
	Delivered     uint64  `json:"delivered"`
	Lost          uint64  `json:"lost"` // overwritten, and told of
	PublishedPerS float64 `json:"published_per_s"`
	DeliveredPerS float64 `json:"delivered_per_s"`
}

type floodConfig struct {
	streamConfig
	// Quiet lets flooders wait for the end of the run instead.
	Quiet bool `json:"quiet"`
}

// lane is that of a publisher: 0 is the one of Critical events.
func (c floodConfig) lane() bus.Priority {
	switch {
	case c.Publisher == 0:
		return bus.Critical
	case c.Publisher%2 == 1:
		return bus.Normal
	}
	return bus.Low
}

func (c floodConfig) flow() flow {
	switch c.lane() {
	case bus.Critical:
		return criticalFlow(c.Config.Size)
	case bus.Normal:
		return normalFlow(c.Config.Size)
	}
	return lowFlow(c.Config.Size)
}

// flooded is a subscriber's result, its books by lane.
type flooded struct {
	Books   [3]*tracker   `json:"books"`
	End     int64         `json:"end"`
	Latency *stat.Latency `json:"latency"`
	Late    *stat.Latency `json:"late"`
}

const (
	bookCritical = iota
	bookNormal
	bookLow
)

func bookOf(p bus.Priority) int {
	switch p {
	case bus.Critical:
		return bookCritical
	case bus.Normal:
		return bookNormal
	}
	return bookLow
}

func runFlood(ctx context.Context, t *trial) (*Result, error) {
	idle, err := floodOnce(ctx, t.with(t.config, "idle"), true)
	if err != nil {
		return nil, fmt.Errorf("without the flood: %w", err)
	}
	r, err := floodOnce(ctx, t, false)
	if err != nil {
		return nil, err
	}
	r.figureIsLatency = true
	r.Lost += idle.Lost
	r.Disordered += idle.Disordered
	r.Corrupt += idle.Corrupt
	f := r.Flood
	f.Idle, f.IdleLate = idle.Flood.Critical, idle.Flood.CriticalLate
	f.Busy = r.CPUSeconds / r.Seconds
	if f.Idle == nil || f.Critical == nil {
		return r, nil // told as lost
	}
	f.RatioP50 = ratio(float64(f.Critical.P50), float64(f.Idle.P50))
	r.setBeside = func(r *Result) {
		r.Ratio, r.RatioOf = ratio(float64(f.Critical.P99), float64(f.Idle.P99)), "p99 of Critical under the flood / p99 of its idle run"
	}
	r.details = f.rows()
	return r, nil
}

func (f *Flood) rows() (rows [][]string) {
	for _, l := range []struct {
		name string
		p    *stat.Percentiles
	}{
		{"idle run", f.Idle}, {"from when it was due", f.CriticalLate}, {"from when it was due, idle run", f.IdleLate},
	} {
		rows = append(rows, []string{l.name + ": p50 / p99 / p99.9",
			ns(float64(l.p.P50)) + " / " + ns(float64(l.p.P99)), ns(float64(l.p.P999)) + ", max " + ns(float64(l.p.Max))})
	}
	for _, l := range f.Lower {
		rows = append(rows, []string{l.Lane, si(l.DeliveredPerS) + "/s", fmt.Sprintf("of %s/s published; %s overwritten, and told of", si(l.PublishedPerS), humanize.Comma(int64(l.Lost)))})
	}
	return append(rows, []string{"processors busy", fmt.Sprintf("%.2f", f.Busy), ""})
}

// floodOnce runs all processes, with or without the flood.
func floodOnce(ctx context.Context, t *trial, quiet bool) (_ *Result, err error) {
	pl, err := t.place(bus.Critical, bus.Normal, bus.Low)
	if err != nil {
		return nil, err
	}
	pl.Shape.Low.Policy = bus.Lossy
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
	c := floodConfig{streamConfig: streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration}, Quiet: quiet}
	var specs []fleet.Spec
	for range t.config.Subs {
		specs = append(specs, mustSpec(roleFloodReceive, c))
	}
	for c.Publisher = 0; c.Publisher <= t.config.Pubs; c.Publisher++ {
		kind := roleFlooder
		if c.Publisher == 0 {
			kind = roleFloodCritical
		}
		specs = append(specs, mustSpec(kind, c))
	}
	members, err := startAll(crew, specs, t.config.Local)
	if err != nil {
		return nil, err
	}
	subs, pubs := members[:t.config.Subs], members[t.config.Subs:]
	defer t.progress.follow(t.workload.name, pubs, subs)()
	crew.Go()
	sent := make([]published, len(pubs))
	for i, m := range pubs {
		if err := m.AwaitDone(&sent[i]); err != nil {
			return nil, err
		}
	}
	got := make([]flooded, len(subs))
	for i, m := range subs {
		if err := m.AwaitDone(&got[i]); err != nil {
			return nil, err
		}
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := sumFlood(c, sent, got)
	r.setUsage(us)
	return r, nil
}

// sumFlood makes the result of one of the two runs.
func sumFlood(c floodConfig, sent []published, got []flooded) *Result {
	latency, late := stat.NewLatency(), stat.NewLatency()
	r := &Result{Flood: &Flood{}}
	r.Seconds = float64(sent[0].End-sent[0].Begin) / 1e9
	for book, p := range []bus.Priority{bus.Critical, bus.Normal, bus.Low} {
		l := FloodLane{Lane: p.String()}
		for i, s := range sent {
			if c.Publisher = i; c.lane() == p {
				l.Published += s.Events
			}
		}
		for _, g := range got {
			k := g.Books[book]
			l.Delivered += k.Received
			r.Disordered += k.Disordered
			r.Corrupt += k.Corrupt
			lost := max(l.Published, k.Received) - k.Received
			if p == bus.Low {
				l.Lost += k.Missed
				lost = max(lost, k.Missed) - min(lost, k.Missed)
			}
			r.Lost += lost
		}
		l.PublishedPerS = perSecond(l.Published, r.Seconds)
		l.DeliveredPerS = perSecond(l.Delivered, r.Seconds)
		r.Published += l.Published
		r.Delivered += l.Delivered
		if p != bus.Critical {
			r.Flood.Lower = append(r.Flood.Lower, l)
		}
	}
	for _, g := range got {
		latency.Merge(g.Latency)
		late.Merge(g.Late)
	}
	r.PublishedPerS = perSecond(r.Published, r.Seconds)
	r.DeliveredPerS = perSecond(r.Delivered, r.Seconds)
	r.setLatency(latency)
	r.Flood.Critical, r.Flood.CriticalLate = r.Latency, late.Percentiles()
	return r
}

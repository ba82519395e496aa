package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	roleAlone     = "stream-alone"
	rolePublish   = "stream-publish"
	roleSubscribe = "stream-subscribe"
)

// Streams are workloads where publishers publish as fast as they can and every
// subscriber gets everything.
var streamRoles = map[string]fleet.Role{
	roleAlone:     publishAlone,
	rolePublish:   publishStream,
	roleSubscribe: subscribeStream,
}

// streamConfig is what a role of a stream gets.
type streamConfig struct {
	Place     place         `json:"place"`
	Config    Config        `json:"config"`
	Duration  time.Duration `json:"duration"`
	Seed      bool          `json:"seed"`
	Publisher int           `json:"publisher"`
	// Matching is for the subscriber that filters.
	Matching bool `json:"matching"`
}

func (c streamConfig) flow() flow {
	if c.Seed {
		return seedFlow()
	}
	return normalFlow(c.Config.Size)
}

// published is a publisher's result; times are of bus.Now.
type published struct {
	Events uint64 `json:"events"`
	Begin  int64  `json:"begin"`
	End    int64  `json:"end"`
}

// received is a subscriber's result.
type received struct {
	Tracker  *tracker      `json:"tracker"`
	Filtered uint64        `json:"filtered"`
	End      int64         `json:"end"`
	Latency  *stat.Latency `json:"latency"`
}

// runStream conducts a stream.
func runStream(ctx context.Context, t *trial, seed bool) (_ *Result, err error) {
	pl, err := t.place(bus.Normal)
	if err != nil {
		return nil, err
	}
	done, err := pl.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c := streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration, Seed: seed}

	alone, err := streamAlone(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("publish alone: %w", err)
	}
	crew, err := t.crew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	pubs, subs, err := startStream(crew, c)
	if err != nil {
		return nil, err
	}
	defer t.progress.follow(t.workload.name, pubs, subs)()
	crew.Go()
	sent := make([]published, len(pubs))
	var total uint64
	for i, m := range pubs {
		if err := m.AwaitDone(&sent[i]); err != nil {
			return nil, err
		}
		total += sent[i].Events
	}
	crew.Drain(total)
	got := make([]received, len(subs))
	for i, m := range subs {
		if err := m.AwaitDone(&got[i]); err != nil {
			return nil, err
		}
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := sumStream(sent, got[:t.config.Subs])
	if t.config.Match > 0 {
		r.setMatch(t.config, sent, got[t.config.Subs], us)
	}
	r.PublishAloneNS = alone
	r.setUsage(us)
	return r, nil
}

// startStream starts all roles, subscribers and publishers, and returns when
// every one is ready: nothing is published before all have joined.
func startStream(crew *fleet.Crew, c streamConfig) (pubs, subs []*fleet.Member, err error) {
	var specs []fleet.Spec
	for range c.Config.Subs {
		spec, err := fleet.NewSpec(roleSubscribe, c)
		if err != nil {
			return nil, nil, err
		}
		specs = append(specs, spec)
	}
	if c.Config.Match > 0 {
		filtering := c
		filtering.Matching = true
		spec, err := fleet.NewSpec(roleSubscribe, filtering)
		if err != nil {
			return nil, nil, err
		}
		specs = append(specs, spec)
	}
	for i := range c.Config.Pubs {
		c.Publisher = i
		spec, err := fleet.NewSpec(rolePublish, c)
		if err != nil {
			return nil, nil, err
		}
		specs = append(specs, spec)
	}
	members, err := startAll(crew, specs, c.Config.Local)
	if err != nil {
		return nil, nil, err
	}
	subscribers := c.Config.receivers()
	return members[subscribers:], members[:subscribers], nil
}

// startAll starts a process for each spec, or one for all if together, and
// waits until they are ready.
func startAll(crew *fleet.Crew, specs []fleet.Spec, together bool) (members []*fleet.Member, err error) {
	if together {
		p, err := crew.Start(specs...)
		if err != nil {
			return nil, err
		}
		members = p.Members
	} else {
		for _, s := range specs {
			p, err := crew.Start(s)
			if err != nil {
				return nil, err
			}
			members = append(members, p.Members[0])
		}
	}
	for _, m := range members {
		if err := m.AwaitReady(); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// sumStream makes the result of what all roles told.
func sumStream(sent []published, got []received) *Result {
	r := &Result{}
	begin, end, wall := int64(math.MaxInt64), int64(0), int64(0)
	for _, p := range sent {
		r.Published += p.Events
		begin, end = min(begin, p.Begin), max(end, p.End)
		wall += p.End - p.Begin
	}
	lastEnd, latency := end, stat.NewLatency()
	for _, s := range got {
		k := s.Tracker
		r.Delivered += k.Received
		r.Lost += max(r.Published, k.Received) - k.Received
		r.Missed += k.Missed
		r.Disordered += k.Disordered
		r.Corrupt += k.Corrupt
		lastEnd = max(lastEnd, s.End)
		latency.Merge(s.Latency)
	}
	r.Seconds = float64(end-begin) / 1e9
	r.PublishedPerS = perSecond(r.Published, r.Seconds)
	r.DeliveredPerS = perSecond(r.Delivered, float64(lastEnd-begin)/1e9)
	if r.Published > 0 {
		r.PublishNS = float64(wall) / float64(r.Published)
	}
	r.setLatency(latency)
	return r
}

// streamAlone measures what publishing costs while nobody subscribes, in a
// process of its own, before anybody has joined.
func streamAlone(ctx context.Context, c streamConfig) (float64, error) {
	crew, err := fleet.NewCrew(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer crew.Close()
	spec, err := fleet.NewSpec(roleAlone, c)
	if err != nil {
		return 0, err
	}
	p, err := crew.Start(spec)
	if err != nil {
		return 0, err
	}
	var cost float64
	if err := p.Members[0].AwaitDone(&cost); err != nil {
		return 0, err
	}
	_, err = crew.Usage()
	return cost, err
}

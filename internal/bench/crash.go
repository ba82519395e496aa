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
)

const (
	roleCrashPublish = "crash-publish"
	roleCrashReceive = "crash-subscribe"
)

// crashWorkload kills and freezes processes at random while others go on: all
// publishers and subscribers but the first of each, and all durable subscriptions.
// Who is killed is started again at once, who is frozen goes on after a while. The
// first subscriber must get every event that was accepted, also of a publisher that
// is dead by now; so must a durable subscription, by all its processes together,
// but for what it was told it had missed because it was frozen for too long.
//
// A frozen subscriber of a reliable lane holds it back until it is evicted. So the
// longest stretch without delivery at the first subscriber is set beside EvictAfter,
// which is what the bus promises.
var crashWorkload = &workload{
	name:  "crash",
	usage: "throughput, losses and stalls while processes are killed and frozen at random",
	defaults: Config{
		Pubs: 3, Subs: 3, Size: 64, Batch: 1, Read: 16, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 10 * time.Second,
		Chaos: Chaos{Durables: 1, Seed: 1, Every: 50 * time.Millisecond, Freeze: time.Second, Evict: 500 * time.Millisecond},
	},
	flags: func(c *Config) []cli.Flag {
		return []cli.Flag{
			&cli.IntFlag{Name: "durables", Value: c.Durables, Destination: &c.Durables, Usage: "durable subscriptions"},
			&cli.Uint64Flag{Name: "seed", Value: c.Seed, Destination: &c.Seed, Usage: "of what happens to whom"},
			&cli.DurationFlag{Name: "every", Value: c.Every, Destination: &c.Every, Usage: "mean time from one kill or freeze to the next"},
			&cli.DurationFlag{Name: "freeze", Value: c.Freeze, Destination: &c.Freeze, Usage: "how long a process is frozen, at most"},
			&cli.DurationFlag{Name: "evict", Value: c.Evict, Destination: &c.Evict, Usage: "EvictAfter of the lane: how long a frozen subscriber may hold it back"},
		}
	},
	check: func(c Config) error {
		switch {
		case c.Local:
			return misuse("crash -local: it kills processes, so they cannot be one; leave out -local")
		case c.Static:
			return misuse("crash -static: a static ring has no durable subscriptions")
		case c.Policy != policyReliable:
			return misuse("crash -policy %s: what is checked is that nothing is lost; leave it out", c.Policy)
		case c.Stamp:
			return misuse("crash -stamp: it measures no latencies; leave it out")
		case c.Durables < 0 || c.Durables > maxSubs-c.Subs:
			return misuse("-durables %d: want 0 to %d", c.Durables, maxSubs-c.Subs)
		case c.Pubs+c.Subs+c.Durables < 3:
			return misuse("crash needs a victim: the first publisher and the first subscriber are spared; use -pubs, -subs or -durables")
		case c.Every < time.Millisecond || c.Freeze < time.Millisecond || c.Evict < time.Millisecond:
			return misuse("-every %v -freeze %v -evict %v: want at least 1ms each", c.Every, c.Freeze, c.Evict)
		}
		return c.noMatch("crash")
	},
	run:   runCrash,
	roles: map[string]fleet.Role{roleCrashPublish: crashPublish, roleCrashReceive: crashReceive},
}

// Chaos is what a run does to its processes.
type Chaos struct {
	Durables int           `json:"durables,omitempty"`
	Seed     uint64        `json:"seed,omitempty"`
	Every    time.Duration `json:"every_ns,omitempty"`
	Freeze   time.Duration `json:"freeze_ns,omitempty"`
	Evict    time.Duration `json:"evict_ns,omitempty"`
}

// Crash is what happened, and what came of it.
type Crash struct {
	Kills   int `json:"kills"`
	Freezes int `json:"freezes"`
	// LongestStall is the longest time from one delivery to the next at the first
	// subscriber, Gaps how many were longer than 10 ms.
	LongestStall int64  `json:"longest_stall_ns"`
	Gaps         uint64 `json:"gaps"`
	// Told is what frozen subscribers were told they had missed, Redelivered what
	// durable ones got again after a kill.
	Told        uint64 `json:"told"`
	Redelivered uint64 `json:"redelivered"`
	// Orphans are events of publishers that were killed; they count as published
	// from when they could be received.
	Orphans uint64 `json:"orphans"`
}

// gapFrom is how long a stretch without delivery is that counts as a gap.
const gapFrom = 10 * time.Millisecond

// crashConfig is what a role gets.
type crashConfig struct {
	streamConfig
	Books   books  `json:"books"`
	Seat    int    `json:"seat"` // whose page of the books it writes, for receivers
	Durable string `json:"durable"`
	Spared  bool   `json:"spared"`
	// Restarted is for a receiver that knows nothing of what was before it.
	Restarted bool `json:"restarted"`
}

// stalls is the result of the first subscriber.
type stalls struct {
	Longest int64  `json:"longest"`
	Gaps    uint64 `json:"gaps"`
}

// crashPlace has room for the dead who have not been cleaned up after.
func (t *trial) crashPlace() (place, error) {
	const spare = 8
	pl, err := t.place(bus.Normal)
	c := t.config
	g := &pl.Shape
	receivers := c.Subs + c.Durables
	g.Participants, g.Subscribers = 2*(c.Pubs+receivers)+2*spare, 2*receivers+spare
	g.Normal.Ports, g.Normal.EvictAfter = 2*c.Pubs+spare, c.Evict
	g.Normal.Pins = min(c.Read*(2*receivers+spare), portCells-c.Batch)
	return pl, err
}

func runCrash(ctx context.Context, t *trial) (_ *Result, err error) {
	pl, err := t.crashPlace()
	if err != nil {
		return nil, err
	}
	done, err := pl.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c := crashConfig{
		streamConfig: streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration},
		Books:        t.newBooks(t.config.Subs + t.config.Durables),
	}
	region, remove, err := c.Books.Memory.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	pages := c.Books.open(region)
	before, err := t.tail()
	if err != nil {
		return nil, err
	}
	crew, err := t.crew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	x, err := newChaos(crew, c)
	if err != nil {
		return nil, err
	}
	defer t.progress.follow(t.workload.name, []*fleet.Member{x.pubs[0].member()}, []*fleet.Member{x.subs[0].member()})()
	begin := bus.Now()
	crew.Go()
	if err := x.strike(ctx, begin+int64(c.Duration)); err != nil {
		return nil, err
	}
	r := &Result{Crash: &Crash{Kills: x.kills, Freezes: x.freezes}}
	if err := x.end(r, pages); err != nil {
		return nil, err
	}
	r.Seconds = float64(x.published-begin) / 1e9
	after, err := t.tail()
	if err != nil {
		return nil, err
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r.setUsage(us)
	r.setCrash(t.config, pages, x.lives, after-before)
	return r, nil
}

// tail is the position of the lane's next event.
func (t *trial) tail() (uint64, error) {
	v, err := bus.Inspect(t.region, &bus.Options{Dir: t.dir})
	if err != nil {
		return 0, err
	}
	defer v.Close()
	s, err := v.Snapshot()
	if err != nil {
		return 0, err
	}
	for _, l := range s.Lanes {
		if l.Name == bus.Normal.String() {
			return l.Tail, nil
		}
	}
	return 0, fmt.Errorf("region %s has no lane %s", t.region, bus.Normal)
}

// setCrash checks the books against each other and against the events of the lane.
func (r *Result) setCrash(c Config, p *pages, lives []life, events uint64) {
	r.Published = events
	spared := p.receivers[0]
	r.Delivered = spared.received()
	r.Lost = max(events, r.Delivered) - r.Delivered
	r.Lost += spared.gap() + spared.missed()
	for n, l := range lives {
		// What was accepted of each publisher, whatever became of it.
		got := spared.next[n].Load()
		r.Lost += max(p.accepted(n), got) - got
		if l.killed {
			r.Orphans += got
		}
	}
	for i, q := range p.receivers {
		r.Disordered += q.disordered()
		r.Corrupt += q.corrupt()
		r.Redelivered += q.redelivered()
		if i == 0 {
			continue
		}
		r.Told += q.missed()
		if i >= c.Subs { // durable
			all := q.received() + q.missed()
			r.Lost += max(events, all) - min(events, all)
		} else if q.gap() > q.missed() {
			r.Lost += q.gap() - q.missed() // untold
		}
	}
	r.PublishedPerS, r.DeliveredPerS = perSecond(r.Published, r.Seconds), perSecond(r.Delivered, r.Seconds)
	r.details = r.Crash.rows()
	stall := r.LongestStall
	r.setBeside = func(r *Result) {
		r.Ratio, r.RatioOf = ratio(float64(stall), float64(r.Config.Evict)), "longest stretch without delivery / EvictAfter"
	}
}

func (x *Crash) rows() [][]string {
	return [][]string{
		{"killed / frozen", fmt.Sprintf("%d / %d", x.Kills, x.Freezes), humanize.Comma(int64(x.Orphans)) + " events of publishers that were killed"},
		{"longest without delivery", ns(float64(x.LongestStall)), fmt.Sprintf("at the first subscriber; %d times more than %v", x.Gaps, gapFrom)},
		{"missed by who was frozen", humanize.Comma(int64(x.Told)), "told by the bus"},
		{"redelivered", humanize.Comma(int64(x.Redelivered)), "to durable subscriptions, after a kill"},
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
)

const (
	roleScalePublish = "scale-publish"
	roleScaleKeepUp  = "scale-subscribe"
	roleScaleSleep   = "scale-sleep"

	kindKeepingUp  = "keeping-up"
	kindAsleep     = "asleep"
	kindPublishers = "publishers"
)

// scaleWorkload tells what a publish costs while 1, 2, 4 and so on to -subs
// processes subscribe, and how much 1, 2, 4 and so on to -pubs publishers move.
//
// With 64 subscribers on two processors not all can run at once, and wall time
// would tell how they share them. What is measured is the publisher's own cost: the
// time that its thread had a processor, over bursts of a quarter of the lane's
// capacity. What it waits for does not count, and what it does does: scans of all
// cursors, wakes, lines that others have taken.
//
//	keeping-up   Between two bursts every subscriber reads all there is and gives it
//	             back. During a burst they sleep on a word beside the bus: all have
//	             caught up, none is asleep for the bus and needs waking, none competes
//	             for the processors.
//	asleep       Every subscriber takes another type of the same lane and sleeps for
//	             real. Nobody publishes that type, but a reliable lane waits for them
//	             all the same, and so the publisher has to nudge them on. Between
//	             bursts they have time to move and to fall asleep again.
//	publishers   As in fanout, to one subscriber: the rate of all together.
//
// A sample is two laps, so that each has its share of scans and nudges; the cost is
// the median of the samples. The region has the same shape at all steps of a kind.
var scaleWorkload = &workload{
	name:  "scale",
	usage: "cost of a publish to 1, 2, 4 ... -subs subscribers, keeping up or asleep; rate of 1 ... -pubs publishers",
	defaults: Config{
		Pubs: 16, Subs: 64, Size: 64, Batch: 1, Read: 64, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 500 * time.Millisecond,
	},
	steps: func(c Config) int { return 2*len(doublings(c.Subs)) + len(doublings(c.Pubs)) },
	check: func(c Config) error {
		switch {
		case c.Static:
			return misuse("scale -static: a static ring has one type, and nobody who takes another")
		case c.Stamp:
			return misuse("scale -stamp: it measures no latencies; leave it out")
		case c.Capacity < minScale:
			return misuse("scale -capacity %d: want at least %d, for bursts of a quarter", c.Capacity, minScale)
		case c.Batch > c.Capacity/burstPart:
			return misuse("scale -batch %d: want at most %d, a quarter of the capacity", c.Batch, c.Capacity/burstPart)
		}
		return c.noMatch("scale")
	},
	run: runScale,
	roles: map[string]fleet.Role{
		roleScalePublish: scalePublish, roleScaleKeepUp: scaleKeepUp, roleScaleSleep: scaleSleep,
	},
}

const (
	minScale  = 64
	burstPart = 4 // of a lap
	sampleOf  = 8 // bursts
)

// doublings are 1, 2, 4 and so on, and most.
func doublings(most int) (ns []int) {
	for n := 1; n < most; n *= 2 {
		ns = append(ns, n)
	}
	return append(ns, most)
}

// scaleConfig is what a role gets; Config has the shape of the region, for the
// most subscribers.
type scaleConfig struct {
	streamConfig
	Kind        string `json:"kind"`
	Subscribers int    `json:"subscribers"`
	Rounds      bare   `json:"rounds"`
}

func (c scaleConfig) burst() int { return c.Config.Capacity / burstPart }

func runScale(ctx context.Context, t *trial) (*Result, error) {
	r := &Result{figureIsLatency: true}
	for _, kind := range []string{kindKeepingUp, kindAsleep} {
		for _, n := range doublings(t.config.Subs) {
			err := r.scaleStep(ctx, t, Point{Kind: kind, Pubs: 1, Subs: n}, func(ctx context.Context) (*Result, error) {
				return scaleOnce(ctx, t.with(t.config, fmt.Sprint(kind, n)), kind, n)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	for _, n := range doublings(t.config.Pubs) {
		c := t.config
		c.Pubs, c.Subs = n, 1
		err := r.scaleStep(ctx, t, Point{Kind: kindPublishers, Pubs: n, Subs: 1}, func(ctx context.Context) (*Result, error) {
			return runStream(ctx, t.with(c, fmt.Sprint("pubs", n)), false)
		})
		if err != nil {
			return nil, err
		}
	}
	r.tableOfScale()
	return r, nil
}

// scaleStep adds a point.
func (r *Result) scaleStep(ctx context.Context, t *trial, p Point, run func(context.Context) (*Result, error)) error {
	p.Size, p.Capacity = t.config.Size, t.config.Capacity
	p, err := t.step(ctx, r, p, run)
	if err != nil {
		return err
	}
	first := p
	for _, q := range r.Points {
		if q.Kind == p.Kind {
			first = q
			break
		}
	}
	if p.Kind == kindPublishers {
		p.PublishNS = 1e9 / p.PublishedPerS
		p.OfFirst = ratio(p.PublishedPerS, first.PublishedPerS)
		p.Ratio, p.RatioOf = ratio(p.PublishNS, p.Floor.SPSCEventNS), "time per published event / spsc_event_ns"
	} else {
		p.OfFirst = ratio(p.PublishNS, first.PublishNS)
		p.Ratio, p.RatioOf = ratio(p.PublishNS, publishAtomics*p.Floor.AtomicNS+p.Floor.CopyNS), "processor time per publish / (3 atomic_ns + copy_ns)"
	}
	r.Points = append(r.Points, p)
	return nil
}

// publishAtomics is how many atomics a publish has that nobody contends for.
const publishAtomics = 3

// tableOfScale shows the points, and sets the run's ratio: the cost to the most
// subscribers, keeping up or asleep, whichever is dearer, to that to one.
func (r *Result) tableOfScale() {
	r.points = [][]string{{"", "publishers", "subscribers", "per publish", "rate", "of the first", "ratio to floors"}}
	worst := 0.0
	for _, p := range r.Points {
		r.points = append(r.points, []string{
			p.Kind, fmt.Sprint(p.Pubs), fmt.Sprint(p.Subs), ns(p.PublishNS), rate(p.PublishedPerS), fmt.Sprintf("%.2f", p.OfFirst), fmt.Sprintf("%.2f", p.Ratio),
		})
		if p.Kind != kindPublishers && p.Subs == r.mostSubs() {
			worst = max(worst, p.OfFirst)
			r.headline = max(r.headline, p.PublishNS)
		}
	}
	r.setBeside = func(r *Result) {
		r.Ratio, r.RatioOf = worst, fmt.Sprintf("cost of a publish to %d subscribers / to 1", r.mostSubs())
	}
}

func (r *Result) mostSubs() (most int) {
	for _, p := range r.Points {
		most = max(most, p.Subs)
	}
	return most
}

// scaled is the publisher's result.
type scaled struct {
	published
	NS float64 `json:"ns"`
}

// scaleOnce measures the cost of a publish to n subscribers.
func scaleOnce(ctx context.Context, t *trial, kind string, n int) (_ *Result, err error) {
	pl, err := t.place(bus.Normal)
	if err != nil {
		return nil, err
	}
	done, err := pl.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c := scaleConfig{
		streamConfig: streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration},
		Kind:         kind, Subscribers: n, Rounds: t.bare("rounds", floor.RoundsSize),
	}
	_, remove, err := c.Rounds.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	crew, err := t.crew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	role := roleScaleKeepUp
	if kind == kindAsleep {
		role = roleScaleSleep
	}
	var specs []fleet.Spec
	for range n {
		specs = append(specs, mustSpec(role, c))
	}
	members, err := startAll(crew, append(specs, mustSpec(roleScalePublish, c)), t.config.Local)
	if err != nil {
		return nil, err
	}
	crew.Go()
	var sent scaled
	if err := members[n].AwaitDone(&sent); err != nil {
		return nil, err
	}
	crew.Drain(sent.Events)
	got := make([]received, n)
	for i, m := range members[:n] {
		if err := m.AwaitDone(&got[i]); err != nil {
			return nil, err
		}
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := sumStream([]published{sent.published}, got)
	if kind == kindAsleep {
		r.Lost = r.Missed // nothing is for them, and nothing may be overwritten
	}
	r.PublishNS, r.PublishedPerS, r.DeliveredPerS = sent.NS, 0, 0
	r.setUsage(us)
	if kind == kindAsleep {
		r.AllocsPerEvent = 0 // between bursts the publisher takes snapshots
	}
	return r, nil
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	roleWaker   = "wake-publish"
	roleSleeper = "wake-subscribe"
	roleBareFut = "wake-futex"
)

// wakeWorkload publishes to a process that sleeps. Between two events the same
// publisher wakes a third process by a bare futex, so that both are woken at the
// same rate, out of the same pauses, by the same thread and in the same minute.
var wakeWorkload = &workload{
	name:  "wake",
	usage: "publish at a low fixed rate to a sleeping process, beside a bare futex: from publish to receipt",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: 64, Batch: 1, Read: 1, Capacity: 1024, Rate: 500,
		Wait: waitPark, Policy: policyReliable, Verify: true, Duration: 5 * time.Second,
	},
	flags: func(c *Config) []cli.Flag { return []cli.Flag{rateFlag(c)} },
	check: func(c Config) error {
		switch {
		case c.Pubs != 1 || c.Subs != 1 || c.Batch != 1:
			return misuse("wake has one publisher, one subscriber and one event at a time: leave out -pubs, -subs and -batch")
		case c.Wait == waitSpin:
			return misuse("wake -wait spin: who spins never sleeps; want park or auto")
		case c.Static:
			return misuse("wake -static: the events of a static ring carry no time")
		}
		if err := c.checkRate(); err != nil {
			return err
		}
		return c.noMatch("wake")
	},
	run:   runWake,
	roles: map[string]fleet.Role{roleWaker: wakePublish, roleSleeper: wakeSubscribe, roleBareFut: wakeFutex},
}

const maxRate = 1_000_000

func rateFlag(c *Config) cli.Flag {
	return &cli.IntFlag{Name: "rate", Value: c.Rate, Destination: &c.Rate, Usage: "events a second, at fixed times"}
}

func (c Config) checkRate() error {
	if c.Rate < 1 || c.Rate > maxRate {
		return misuse("-rate %d: want 1 to %d", c.Rate, maxRate)
	}
	return nil
}

type wakeConfig struct {
	streamConfig
	Futex bare `json:"futex"`
}

// woken is the result of a process that slept.
type woken struct {
	Tracker *tracker      `json:"tracker"`
	Latency *stat.Latency `json:"latency"`
	Slept   uint64        `json:"slept"` // times that it came back from sleep
}

func runWake(ctx context.Context, t *trial) (_ *Result, err error) {
	pl, err := t.place(bus.Critical)
	if err != nil {
		return nil, err
	}
	done, err := pl.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c := wakeConfig{
		streamConfig: streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration},
		Futex:        t.bare("futex", floor.PairSize),
	}
	_, remove, err := c.Futex.make()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	crew, err := t.crew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	members, err := startAll(crew, specsOf(c, roleSleeper, roleBareFut, roleWaker), t.config.Local)
	if err != nil {
		return nil, err
	}
	defer t.progress.follow(t.workload.name, members[2:], members[:1])()
	crew.Go()
	var sent published
	var bus, raw woken
	for i, v := range []any{&bus, &raw, &sent} {
		if err := members[i].AwaitDone(v); err != nil {
			return nil, err
		}
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := sumStream([]published{sent}, []received{{Tracker: bus.Tracker, End: sent.End, Latency: bus.Latency}})
	r.PublishNS = 0 // its wall time is pauses
	r.setUsage(us)
	r.setWake(bus, raw)
	return r, nil
}

// setWake sets the wakes of the bus beside those of a bare futex.
func (r *Result) setWake(bus, raw woken) {
	r.figureIsLatency = true
	r.FutexNS = raw.Latency.Percentiles()
	if r.Latency == nil || r.FutexNS == nil {
		return // told as lost
	}
	r.Slept = bus.Slept
	f := r.FutexNS
	r.details = append(r.details,
		[]string{"came back from sleep", fmt.Sprint(bus.Slept), fmt.Sprintf("times, for %d events", bus.Tracker.Received)},
		[]string{"bare futex p50 / p90", ns(float64(f.P50)) + " / " + ns(float64(f.P90)), fmt.Sprintf("%d wakes, one way, at the same rate", raw.Latency.Count())},
		[]string{"bare futex p99 / p99.9 / max", ns(float64(f.P99)) + " / " + ns(float64(f.P999)), ns(float64(f.Max))})
	r.setBeside = func(r *Result) {
		r.Ratio = ratio(float64(r.Latency.P50), float64(f.P50))
		r.RatioP99 = ratio(float64(r.Latency.P99), float64(f.P99))
		r.RatioOf = "p50 / p50 of the bare futex in the same run"
	}
}

// wakePublish takes turns: an event of the bus, a wake of the futex.
func wakePublish(ctx context.Context, st *fleet.Station, config []byte) (_ any, err error) {
	var c wakeConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "pub-0")
	if err != nil {
		return nil, err
	}
	src, err := openTimed(criticalFlow(c.Config.Size), b, c.Config.ends(0))
	if err != nil {
		return nil, err
	}
	defer src.close()
	p := published{}
	err = c.Futex.over(func(mem []byte) error {
		pair, err := floor.NewPair(ctx, mem)
		if err != nil {
			return err
		}
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		st.Begin()
		p.Begin = bus.Now()
		pace, end := newPacer(p.Begin, 2*float64(c.Config.Rate)), p.Begin+int64(c.Duration)
		for last := false; !last; p.Events++ {
			last = pace.due(2*p.Events+2) >= end
			if err := pace.until(ctx, pace.due(2*p.Events)); err != nil {
				return err
			}
			if err := src.putWith(ctx, p.Events, bus.With{Time: bus.Now()}, last); err != nil {
				return fmt.Errorf("publish event %d: %w", p.Events, err)
			}
			st.Count.Store(p.Events + 1)
			if err := pace.until(ctx, pace.due(2*p.Events+1)); err != nil {
				return err
			}
			if err := pair.Wake(bus.Now()); err != nil {
				return err
			}
		}
		p.End = bus.Now()
		return pair.Stop()
	})
	st.End(p.Events)
	return p, err
}

// openTimed opens a source whose events carry times.
func openTimed(f flow, b *bus.Bus, o endOptions) (timedSource, error) {
	src, err := f.source(b, o)
	if err != nil {
		return nil, err
	}
	timed, ok := src.(timedSource)
	if !ok {
		return nil, errors.Join(fmt.Errorf("events of %d bytes carry no time", o.size), src.close())
	}
	return timed, nil
}

func wakeSubscribe(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c wakeConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "sub")
	if err != nil {
		return nil, err
	}
	o := c.Config.ends(0)
	o.stamp = true
	r := woken{Tracker: newTracker(1, 1), Latency: stat.NewLatency()}
	snk, err := criticalFlow(c.Config.Size).sink(b, o, func(n payload.Note, ok bool, at int64) {
		r.Latency.Record(bus.Now() - at)
		r.Tracker.see(n, ok)
	})
	if err != nil {
		return nil, err
	}
	defer snk.close()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	for !r.Tracker.done() {
		if _, err := snk.take(ctx); err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		st.Count.Store(r.Tracker.Received)
	}
	r.Slept = snk.stats().Wakeups
	st.End(r.Tracker.Received)
	return r, nil
}

func wakeFutex(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c wakeConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	r := woken{Latency: stat.NewLatency()}
	err := c.Futex.over(func(mem []byte) error {
		pair, err := floor.NewPair(ctx, mem)
		if err != nil {
			return err
		}
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		for {
			at, err := pair.Sleep()
			if errors.Is(err, floor.ErrStopped) {
				return nil
			}
			if err != nil {
				return err
			}
			r.Latency.Record(bus.Now() - at)
		}
	})
	return r, err
}

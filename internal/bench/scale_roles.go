package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// fewestSamples are taken also when the time is over.
const fewestSamples = 3

func scalePublish(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c scaleConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "pub-0")
	if err != nil {
		return nil, err
	}
	src, err := c.flow().source(b, c.Config.ends(0))
	if err != nil {
		return nil, err
	}
	defer src.close()
	if _, ok := fleet.ThreadCPU(); !ok {
		return nil, fmt.Errorf("measure the processor time of a thread: %w", errors.ErrUnsupported)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var r scaled
	err = c.Rounds.over(func(mem []byte) error {
		rounds, err := floor.NewRounds(ctx, mem, c.Subscribers)
		if err != nil {
			return err
		}
		between := rounds.Play
		if c.Kind == kindAsleep {
			between = func() error { return awaitAsleep(ctx, b, c.Config.Capacity/2) }
		}
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		st.Begin()
		r.Begin = bus.Now()
		var costs []float64
		for end := r.Begin + int64(c.Duration); len(costs) < fewestSamples || bus.Now() < end; {
			cost, err := sample(ctx, src, c, &r.Events, between)
			if err != nil {
				return err
			}
			costs = append(costs, cost)
			st.Count.Store(r.Events)
		}
		r.End = bus.Now()
		r.NS = stat.Median(costs[1:]) // the first one touches everything for the first time
		st.End(r.Events)
		return rounds.Stop()
	})
	return r, err
}

// sample publishes two laps in bursts and returns the processor time of an event.
func sample(ctx context.Context, src source, c scaleConfig, seq *uint64, between func() error) (float64, error) {
	var spent int64
	first := *seq
	for range sampleOf {
		before, _ := fleet.ThreadCPU()
		for left := c.burst(); left > 0; {
			n, err := src.put(ctx, *seq, min(left, c.Config.Batch), false)
			*seq += uint64(n)
			left -= n
			if err != nil {
				return 0, fmt.Errorf("publish event %d: %w", *seq, err)
			}
		}
		after, _ := fleet.ThreadCPU()
		spent += after - before
		if err := between(); err != nil {
			return 0, err
		}
	}
	return float64(spent) / float64(*seq-first), nil
}

const (
	asleepLook = 200 * time.Microsecond
	// asleepFor bounds how long a publisher gives sleepers to move on. One that has
	// not been nudged yet does not move.
	asleepFor = 5 * time.Millisecond
)

// awaitAsleep waits until all subscribers sleep, none of them more than so many
// events behind.
func awaitAsleep(ctx context.Context, b *bus.Bus, behind int) error {
	for end := bus.Now() + int64(asleepFor); ; {
		s, err := b.Snapshot()
		if err != nil {
			return err
		}
		all := true
		for _, sub := range s.Subscribers {
			all = all && sub.Waiting && sub.Depth <= uint64(behind)
		}
		if all || bus.Now() >= end {
			return nil
		}
		if err := newPacer(0, 1).until(ctx, bus.Now()+int64(asleepLook)); err != nil {
			return err
		}
	}
}

// scaleKeepUp reads what a burst has published once the publisher lets it, and
// gives all of it back.
func scaleKeepUp(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c scaleConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "sub")
	if err != nil {
		return nil, err
	}
	r := received{Tracker: newTracker(1, 1)}
	snk, err := c.flow().tracked(b, c.Config.ends(0), r.Tracker)
	if err != nil {
		return nil, err
	}
	defer snk.close()
	err = c.Rounds.over(func(mem []byte) error {
		rounds, err := floor.NewRounds(ctx, mem, c.Subscribers)
		if err != nil {
			return err
		}
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		st.Begin()
		for {
			if err := rounds.Next(); err != nil {
				if errors.Is(err, floor.ErrStopped) {
					return nil
				}
				return err
			}
			if err := takeAll(snk, r.Tracker); err != nil {
				return err
			}
			st.Count.Store(r.Tracker.Received)
			if err := rounds.End(); err != nil {
				return err
			}
		}
	})
	r.End = bus.Now()
	st.End(r.Tracker.Received)
	return r, err
}

// takeAll takes all there is.
func takeAll(snk sink, t *tracker) error {
	for {
		_, err := snk.tryTake()
		if errors.Is(err, bus.ErrEmpty) {
			return nil
		}
		if n, ok := lagged(err); ok {
			t.Missed += n
		} else if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
	}
}

// strangeEvent is a type that nobody publishes.
type strangeEvent struct{ V payload.V16 }

func (strangeEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "bench.strange", Priority: bus.Normal}
}

// scaleSleep sleeps for events that do not come until nothing more is published.
func scaleSleep(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c scaleConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "sub")
	if err != nil {
		return nil, err
	}
	r := received{Tracker: newTracker(1, 1)}
	snk, err := newViewSink(b, c.Config.ends(0), func(*strangeEvent, *bus.Event) error {
		r.Tracker.see(0, false) // there is none
		return nil
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
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-st.Draining():
		case <-patient.Done():
		}
		cancel()
	}()
	for patient.Err() == nil {
		_, err := snk.take(patient)
		if n, ok := lagged(err); ok {
			r.Tracker.Missed += n
		} else if err != nil && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("receive: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	r.End, r.Filtered = bus.Now(), snk.stats().Filtered
	st.End(r.Filtered)
	return r, nil
}

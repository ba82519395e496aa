package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	// quiet is how long a subscriber waits for an event when all was published
	// and the bus has not told that the rest is lost.
	quiet     = 5 * time.Second
	drainTick = 10 * time.Millisecond

	// latencyEvery is how many events share one reading of the clock.
	latencyEvery = 64
)

// subscribeStream receives until it has seen the last event of each publisher.
func subscribeStream(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c streamConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	b, err := c.Place.open(st, "sub")
	if err != nil {
		return nil, err
	}
	o, step := c.Config.ends(0), uint64(1)
	if c.Matching {
		o.filter, step = bus.Keys(takenKey), o.keys
	}
	r := received{Tracker: newTracker(c.Config.Pubs, step), Latency: stat.NewLatency()}
	snk, err := r.sink(c.flow(), b, o)
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
	var missed atomic.Uint64
	go giveUp(patient, st, &missed, cancel)
	if err := receiveAll(patient, snk, r.Tracker, st, &missed); err != nil && (ctx.Err() != nil || !errors.Is(err, context.Canceled)) {
		return nil, fmt.Errorf("receive: %w", err)
	}
	r.End = bus.Now()
	r.Filtered = snk.stats().Filtered
	st.End(r.Tracker.Received)
	return r, nil
}

// sink books events of a flow, with the times that they took if they are stamped.
func (r *received) sink(f flow, b *bus.Bus, o endOptions) (sink, error) {
	t := r.Tracker
	if !o.stamp {
		return f.tracked(b, o, t)
	}
	return f.sink(b, o, func(n payload.Note, ok bool, at int64) {
		if t.see(n, ok); t.Received%latencyEvery == 0 {
			r.Latency.Record(bus.Now() - at)
		}
	})
}

// receiveAll receives until all publishers' last events were seen or ctx ends.
func receiveAll(ctx context.Context, snk sink, t *tracker, st *fleet.Station, missed *atomic.Uint64) error {
	for !t.done() {
		_, err := snk.take(ctx)
		st.Count.Store(t.Received) // pairs with the load in giveUp
		if err != nil {
			n, ok := lagged(err)
			if !ok {
				return err
			}
			t.Missed += n
			missed.Store(t.Missed) // pairs with the load in giveUp
		}
	}
	return nil
}

// lagged tells how many events an error says were missed, if it is about that.
func lagged(err error) (n uint64, ok bool) {
	lag, ok := lagOf(err)
	if !ok {
		return 0, false
	}
	return lag.Missed, true
}

func lagOf(err error) (*bus.LagError, bool) {
	var lag *bus.LagError
	ok := errors.As(err, &lag)
	return lag, ok
}

// giveUp cancels when all was published and nothing more can come: what was
// received and what the bus told as missed make up all events, or it is quiet.
func giveUp(ctx context.Context, st *fleet.Station, missed *atomic.Uint64, cancel context.CancelFunc) {
	select {
	case <-st.Draining():
	case <-ctx.Done():
		return
	}
	defer cancel()
	t := time.NewTicker(drainTick)
	defer t.Stop()
	last, since := uint64(0), time.Now()
	for time.Since(since) < quiet {
		now := st.Count.Load() + missed.Load()
		if now >= st.Total() {
			return
		}
		if now != last {
			last, since = now, time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

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
	// quietTicks of quietTick without an event, after all was published, is
	// when a subscriber gives up: what it lacks then is lost.
	quietTick  = 250 * time.Millisecond
	quietTicks = 20

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
	r := received{Tracker: newTracker(c.Config.Pubs), Latency: stat.NewLatency()}
	snk, err := c.flow().sink(b, c.Config.ends(0), r.seen(c.Config.Stamp))
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
	var draining atomic.Bool
	go giveUp(patient, st, &draining, cancel)
	if err := receiveAll(patient, snk, r.Tracker, st, &draining); err != nil && (ctx.Err() != nil || !errors.Is(err, context.Canceled)) {
		return nil, fmt.Errorf("receive: %w", err)
	}
	r.End = bus.Now()
	st.End(r.Tracker.Received)
	return r, nil
}

// seen returns what books an event.
func (r *received) seen(stamped bool) seen {
	t := r.Tracker
	if !stamped {
		return func(n payload.Note, ok bool, _ int64) { t.see(n, ok) }
	}
	return func(n payload.Note, ok bool, at int64) {
		if t.see(n, ok); t.Received%latencyEvery == 0 {
			r.Latency.Record(bus.Now() - at)
		}
	}
}

// receiveAll receives until all publishers' last events were seen or ctx ends.
// It tells its progress now and then, and always while draining.
func receiveAll(ctx context.Context, snk sink, t *tracker, st *fleet.Station, draining *atomic.Bool) error {
	var told uint64
	for !t.done() {
		_, err := snk.take(ctx)
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			t.Missed += lag.Missed
		case err != nil:
			return err
		}
		if t.Received-told >= countEvery || draining.Load() {
			told = t.Received
			st.Count.Store(told)
		}
	}
	st.Count.Store(t.Received)
	return nil
}

// giveUp cancels once nothing is published any more and nothing arrives.
func giveUp(ctx context.Context, st *fleet.Station, draining *atomic.Bool, cancel context.CancelFunc) {
	select {
	case <-st.Draining():
		draining.Store(true)
	case <-ctx.Done():
		return
	}
	t := time.NewTicker(quietTick)
	defer t.Stop()
	for last, quiet := st.Count.Load(), 0; quiet < quietTicks; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := st.Count.Load()
		if quiet++; now != last {
			last, quiet = now, 0
		}
	}
	cancel()
}

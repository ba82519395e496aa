package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// countEvery is after how many events a role tells its progress, at least.
const countEvery = 4096

// publishStream publishes until its time is over, then one event marked last.
func publishStream(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	c, src, err := openSource(st, config)
	if err != nil {
		return nil, err
	}
	defer src.close()
	over := newDeadline()
	defer over.stop()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	over.in(c.Duration)
	p := published{Begin: bus.Now()}
	var told uint64
	for !over.passed() {
		n, err := src.put(ctx, p.Events, c.Config.Batch, false)
		p.Events += uint64(n)
		if err != nil {
			return nil, fmt.Errorf("publish event %d: %w", p.Events, err)
		}
		if p.Events-told >= countEvery {
			told = p.Events
			st.Count.Store(told)
		}
	}
	if _, err := src.put(ctx, p.Events, 1, true); err != nil {
		return nil, fmt.Errorf("publish the last event: %w", err)
	}
	p.Events++
	p.End = bus.Now()
	st.Count.Store(p.Events)
	st.End(p.Events)
	return p, nil
}

// deadline is an end that a hot loop looks at for the price of a load.
type deadline struct {
	over  atomic.Bool
	timer *time.Timer
}

func newDeadline() *deadline {
	d := &deadline{}
	d.timer = time.AfterFunc(time.Duration(math.MaxInt64), func() { d.over.Store(true) })
	return d
}

func (d *deadline) in(t time.Duration) { d.timer.Reset(t) }

func (d *deadline) passed() bool { return d.over.Load() }

func (d *deadline) stop() { d.timer.Stop() }

const (
	aloneWindow  = 4096 // events that one reading of the clock is shared by
	aloneWindows = 48
)

// publishAlone returns the median cost of a publish, in nanoseconds.
func publishAlone(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	c, src, err := openSource(st, config)
	if err != nil {
		return nil, err
	}
	defer src.close()
	costs := make([]float64, aloneWindows)
	var seq uint64
	for i := range costs {
		start, first := time.Now(), seq
		for seq-first < aloneWindow {
			n, err := src.put(ctx, seq, c.Config.Batch, false)
			if err != nil {
				return nil, err
			}
			seq += uint64(n)
		}
		costs[i] = float64(time.Since(start)) / float64(seq-first)
	}
	return stat.Median(costs), nil
}

func openSource(st *fleet.Station, config []byte) (c streamConfig, src source, err error) {
	if err := json.Unmarshal(config, &c); err != nil {
		return c, nil, fmt.Errorf("read the configuration: %w", err)
	}
	b, err := c.Place.open(st, fmt.Sprintf("pub-%d", c.Publisher))
	if err != nil {
		return c, nil, err
	}
	src, err = c.flow().source(b, c.Config.ends(c.Publisher))
	return c, src, err
}

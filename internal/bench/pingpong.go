package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

const (
	rolePing = "ping"
	rolePong = "pong"
)

// pingpongWorkload has one event in flight between two processes, over a lane
// for each direction.
var pingpongWorkload = &workload{
	name:  "pingpong",
	usage: "two processes, one event in flight, written and read whole: latency of one way",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: 64, Batch: 1, Read: 1, Capacity: 1024,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 3 * time.Second,
	},
	check: func(c Config) error {
		if c.Pubs != 1 || c.Subs != 1 || c.Batch != 1 {
			return misuse("pingpong has one publisher, one subscriber and one event in flight: leave out -pubs, -subs and -batch")
		}
		return c.noMatch("pingpong")
	},
	run:   runPingpong,
	roles: map[string]fleet.Role{rolePing: ping, rolePong: pong},
}

// pinged is the result of the process that counts.
type pinged struct {
	Rounds  uint64        `json:"rounds"`
	Begin   int64         `json:"begin"`
	End     int64         `json:"end"`
	Tracker *tracker      `json:"tracker"`
	Latency *stat.Latency `json:"latency"`
	Slices  []slice       `json:"slices"`
}

// slice is a short stretch of rounds with the floors measured right after it, by
// the same two processes: on a virtual machine the processors change places by the
// minute, and a floor of another minute says nothing.
type slice struct {
	P50  float64 `json:"p50"`
	Line float64 `json:"line"`
	Trip float64 `json:"trip"`
}

// sliceRounds is how many rounds a slice has, some milliseconds.
const sliceRounds = 1 << 13

// pingConfig is that of both sides.
type pingConfig struct {
	streamConfig
	Floors *bare         `json:"floors,omitempty"` // nil where nobody spins
	Floor  floor.Options `json:"floor"`
}

func runPingpong(ctx context.Context, t *trial) (_ *Result, err error) {
	pl, err := t.place(bus.Critical, bus.High)
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
	c := pingConfig{streamConfig: streamConfig{Place: pl, Config: t.config, Duration: t.config.Duration}}
	if c.Config.Wait == waitSpin && !c.Config.Local {
		c.Floor = floor.Options{Size: t.config.Size, Verify: t.config.Verify}
		b := t.bare("turns", floor.Size(c.Floor))
		_, gone, err := b.make()
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, gone()) }()
		c.Floors = &b
	}
	var specs []fleet.Spec
	for _, kind := range []string{rolePong, rolePing} {
		spec, err := fleet.NewSpec(kind, c)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	members, err := startAll(crew, specs, c.Config.Local)
	if err != nil {
		return nil, err
	}
	defer t.progress.follow(t.workload.name, members[1:], members[:1])()
	crew.Go()
	var there tracker
	var here pinged
	if err := members[1].AwaitDone(&here); err != nil {
		return nil, err
	}
	if err := members[0].AwaitDone(&there); err != nil {
		return nil, err
	}
	us, err := crew.Usage()
	if err != nil {
		return nil, err
	}
	r := &Result{
		figureIsLatency: true,
		Seconds:         float64(here.End-here.Begin) / 1e9,
		Published:       2 * here.Rounds,
		Delivered:       there.Received + here.Tracker.Received,
		Disordered:      there.Disordered + here.Tracker.Disordered,
		Corrupt:         there.Corrupt + here.Tracker.Corrupt,
	}
	r.Lost = max(r.Published, r.Delivered) - r.Delivered
	r.PublishedPerS = perSecond(r.Published, r.Seconds)
	r.DeliveredPerS = perSecond(r.Delivered, r.Seconds)
	r.setLatency(here.Latency)
	r.setUsage(us)
	if len(here.Slices) > 0 {
		r.setBeside = besideSlices(here.Slices)
	}
	return r, nil
}

// besideSlices sets the run beside the floors that were measured in turn with it:
// the median of the ratios of all slices.
func besideSlices(ss []slice) func(*Result) {
	median := func(of func(slice) float64) float64 {
		vs := make([]float64, len(ss))
		for i, s := range ss {
			vs[i] = of(s)
		}
		return stat.Median(vs)
	}
	return func(r *Result) {
		r.Floor.LineNS = median(func(s slice) float64 { return s.Line })
		r.Floor.SPSCNS = median(func(s slice) float64 { return s.Trip })
		r.Ratio = median(func(s slice) float64 { return ratio(s.P50, s.Line) })
		r.RatioSPSC = median(func(s slice) float64 { return ratio(s.P50, s.Trip) })
		r.RatioOf = "p50 / line_ns, measured in turn by the same processes"
	}
}

// conversation is one side of the ping-pong.
type conversation struct {
	config pingConfig
	src    source
	snk    sink
	books  *tracker
}

// withTurns calls fn with the floors that are measured in turn, nil for none.
func (v *conversation) withTurns(ctx context.Context, fn func(*floor.Turns) error) error {
	if v.config.Floors == nil {
		return fn(nil)
	}
	return v.config.Floors.over(func(mem []byte) error {
		t, err := floor.NewTurns(ctx, mem, v.config.Floor)
		if err != nil {
			return err
		}
		return fn(t)
	})
}

func converse(st *fleet.Station, config []byte, name string, out, in func(int) flow) (*conversation, error) {
	v := &conversation{books: newTracker(1, 1)}
	if err := json.Unmarshal(config, &v.config); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c := v.config.Config
	b, err := v.config.Place.open(st, name)
	if err != nil {
		return nil, err
	}
	if v.snk, err = in(c.Size).tracked(b, c.ends(0), v.books); err != nil {
		return nil, err
	}
	if v.src, err = out(c.Size).source(b, c.ends(0)); err != nil {
		return nil, errors.Join(err, v.snk.close())
	}
	return v, nil
}

func (v *conversation) close() error { return errors.Join(v.src.close(), v.snk.close()) }

func ping(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	v, err := converse(st, config, "ping", criticalFlow, highFlow)
	if err != nil {
		return nil, err
	}
	defer v.close()
	r := pinged{Tracker: v.books, Latency: stat.NewLatency()}
	err = v.withTurns(ctx, func(t *floor.Turns) error { return v.count(ctx, st, t, &r) })
	return r, err
}

// count goes round until the time is over.
func (v *conversation) count(ctx context.Context, st *fleet.Station, turns *floor.Turns, r *pinged) error {
	over := newDeadline()
	defer over.stop()
	trips := make([]int64, 0, sliceRounds)
	clock := clockCost()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return err
	}
	st.Begin()
	over.in(v.config.Duration)
	r.Begin = bus.Now()
	for last := false; !last; {
		start := bus.Now()
		for last = over.passed(); len(trips) < sliceRounds && !last; last = over.passed() {
			if err := v.round(ctx, &r.Rounds, false); err != nil {
				return err
			}
			now := bus.Now()
			trips = append(trips, now-start)
			start = now
		}
		if turns != nil && len(trips) == sliceRounds {
			lineNS, tripNS, err := turns.Lead()
			if err != nil {
				return fmt.Errorf("measure floors in turn: %w", err)
			}
			slices.Sort(trips)
			r.Slices = append(r.Slices, slice{P50: float64(trips[len(trips)/2]-clock) / 2, Line: lineNS, Trip: tripNS})
		}
		for _, trip := range trips {
			r.Latency.Record((trip - clock) / 2)
		}
		trips = trips[:0]
		st.Count.Store(r.Rounds)
	}
	if err := v.round(ctx, &r.Rounds, true); err != nil {
		return err
	}
	r.End = bus.Now()
	st.End(r.Rounds)
	return nil
}

// clockCost is what one reading of the clock takes. Every round trip has one in
// it, while the floors share theirs among many; so it is taken off.
func clockCost() int64 {
	costs := make([]float64, 1024)
	for i := range costs {
		const reads = 8
		start := bus.Now()
		for range reads {
			bus.Now()
		}
		costs[i] = float64(bus.Now()-start) / (reads + 1)
	}
	return int64(stat.Median(costs))
}

// round sends an event there and waits until it came back.
func (v *conversation) round(ctx context.Context, rounds *uint64, last bool) error {
	if _, err := v.src.put(ctx, *rounds, 1, last); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	*rounds++
	for v.books.Received < *rounds {
		if _, err := v.snk.take(ctx); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
	}
	return nil
}

func pong(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	v, err := converse(st, config, "pong", highFlow, criticalFlow)
	if err != nil {
		return nil, err
	}
	defer v.close()
	err = v.withTurns(ctx, func(t *floor.Turns) error { return v.answer(ctx, st, t) })
	return v.books, err
}

// answer sends back what comes until the last.
func (v *conversation) answer(ctx context.Context, st *fleet.Station, turns *floor.Turns) error {
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return err
	}
	st.Begin()
	for n := uint64(0); !v.books.done(); {
		if _, err := v.snk.take(ctx); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		if _, err := v.src.put(ctx, n, 1, v.books.done()); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if n++; turns != nil && n%sliceRounds == 0 && !v.books.done() {
			if err := turns.Echo(); err != nil {
				return fmt.Errorf("answer floors in turn: %w", err)
			}
		}
	}
	st.End(v.books.Received)
	return nil
}

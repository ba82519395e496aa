package bench

import (
	"context"
	"fmt"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

func openFlood(st *fleet.Station, config []byte) (c floodConfig, src timedSource, err error) {
	if err := understand(config, &c); err != nil {
		return c, nil, err
	}
	b, err := c.Place.open(st, fmt.Sprintf("pub-%d", c.Publisher))
	if err != nil {
		return c, nil, err
	}
	src, err = openTimed(c.flow(), b, c.Config.ends(c.Publisher))
	return c, src, err
}

// floodCritical publishes at its rate. An event has the time at which it was
// published, and as its key the time at which it was due.
func floodCritical(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	c, src, err := openFlood(st, config)
	if err != nil {
		return nil, err
	}
	defer src.close()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	p := published{Begin: bus.Now()}
	pace, end := newPacer(p.Begin, float64(c.Config.Rate)), p.Begin+int64(c.Duration)
	for last := false; !last; p.Events++ {
		due := pace.due(p.Events)
		last = pace.due(p.Events+1) >= end
		if err := pace.until(ctx, due); err != nil {
			return nil, err
		}
		if err := src.putWith(ctx, p.Events, bus.With{Time: bus.Now(), Key: uint64(due)}, last); err != nil {
			return nil, fmt.Errorf("publish event %d: %w", p.Events, err)
		}
		st.Count.Store(p.Events + 1)
	}
	p.End = bus.Now()
	st.End(p.Events)
	return p, nil
}

// floodPublish floods its lane for as long as there are Critical events, or waits
// as long. Its last event tells subscribers that it has ended.
func floodPublish(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	c, src, err := openFlood(st, config)
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
	p := published{Begin: bus.Now()}
	over.in(c.Duration)
	if c.Quiet {
		if err := newPacer(p.Begin, 1).until(ctx, p.Begin+int64(c.Duration)); err != nil {
			return nil, err
		}
	}
	var told uint64
	for !c.Quiet && !over.passed() {
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

// floodReceive takes all lanes in one subscription.
func floodReceive(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c floodConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "sub")
	if err != nil {
		return nil, err
	}
	o := c.Config.ends(0)
	var ids []bus.TypeID
	for _, f := range []flow{criticalFlow(o.size), normalFlow(o.size), lowFlow(o.size)} {
		id, err := f.id(b)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	s, err := b.Subscribe(&bus.SubscribeOptions{Types: ids, Window: o.read})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := flooded{Latency: stat.NewLatency(), Late: stat.NewLatency()}
	for i := range r.Books {
		r.Books[i] = newTracker(c.Config.Pubs+1, 1)
	}
	see := func(e *bus.Event) error {
		book := bookLow
		switch e.Type() {
		case ids[bookCritical]:
			book = bookCritical
			h, now := e.Header(), bus.Now()
			r.Latency.Record(now - h.Time)
			r.Late.Record(now - int64(h.Key))
		case ids[bookNormal]:
			book = bookNormal
		}
		n, ok := o.note(e)
		r.Books[book].see(n, ok)
		return nil
	}
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	events := uint64(0)
	for !r.done(c.Config.Pubs + 1) {
		n, err := s.ViewBatch(ctx, o.read, see)
		events += uint64(n)
		st.Count.Store(events)
		if err != nil {
			if err := r.lagged(err); err != nil {
				return nil, err
			}
		}
	}
	r.End = bus.Now()
	st.End(events)
	return r, nil
}

// done says that the last event of every publisher was seen.
func (r *flooded) done(publishers int) bool {
	return r.Books[bookCritical].finished+r.Books[bookNormal].finished+r.Books[bookLow].finished == publishers
}

// lagged books what an error says was missed, if it is about that.
func (r *flooded) lagged(err error) error {
	lag, ok := lagOf(err)
	if !ok {
		return fmt.Errorf("receive: %w", err)
	}
	r.Books[bookOf(lag.Priority)].Missed += lag.Missed
	return nil
}

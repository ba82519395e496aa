package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// crashPublish publishes until its time is over and books what is accepted.
func crashPublish(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c crashConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, fmt.Sprintf("pub-%d", c.Publisher))
	if err != nil {
		return nil, err
	}
	src, err := c.flow().source(b, c.Config.ends(c.Publisher))
	if err != nil {
		return nil, err
	}
	defer src.close()
	over := newDeadline()
	defer over.stop()
	var p published
	err = c.Books.Memory.over(func(mem []byte) error {
		books := c.Books.pages(mem)
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		st.Begin()
		over.in(c.Duration)
		for p.Begin = bus.Now(); !over.passed(); {
			n, err := src.put(ctx, p.Events, c.Config.Batch, false)
			p.Events += uint64(n)
			books.accept(c.Publisher, p.Events)
			if err != nil {
				return fmt.Errorf("publish event %d: %w", p.Events, err)
			}
			st.Count.Store(p.Events)
		}
		p.End = bus.Now()
		st.End(p.Events)
		return nil
	})
	return p, err
}

// crashReceive receives until nothing more is published, then all there is.
func crashReceive(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c crashConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, fmt.Sprintf("sub-%d", c.Seat))
	if err != nil {
		return nil, err
	}
	var s stalls
	err = c.Books.Memory.over(func(mem []byte) error {
		page := c.Books.pages(mem).receivers[c.Seat]
		if c.Restarted {
			page.forget()
		}
		o, fresh := c.Config.ends(0), false
		o.read, o.durable = c.Config.Read, c.Durable
		snk, err := c.flow().sink(b, o, func(n payload.Note, ok bool, _ int64) { page.see(n, ok, &fresh) })
		if err != nil {
			return err
		}
		defer snk.close()
		st.Ready()
		if err := st.AwaitGo(ctx); err != nil {
			return err
		}
		st.Begin()
		events, err := receiveUntilDrained(ctx, st, snk, page, &s)
		st.End(events)
		return err
	})
	return s, err
}

func receiveUntilDrained(ctx context.Context, st *fleet.Station, snk sink, page *page, s *stalls) (events uint64, err error) {
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-st.Draining():
		case <-patient.Done():
		}
		cancel()
	}()
	last := int64(0)
	for waiting := true; ; {
		var n int
		if waiting {
			n, err = snk.take(patient)
		} else {
			n, err = snk.tryTake()
		}
		if n > 0 {
			events += uint64(n)
			st.Count.Store(events)
			now := bus.Now()
			s.delivered(last, now)
			last = now
		}
		switch lag, ok := lagged(err); {
		case err == nil:
		case ok:
			page.counts[countMissed].Add(lag)
		case waiting && errors.Is(err, context.Canceled) && ctx.Err() == nil:
			waiting = false // nothing more is published: the rest is there
		case !waiting && errors.Is(err, bus.ErrEmpty):
			return events, nil
		default:
			return events, fmt.Errorf("receive: %w", err)
		}
	}
}

// delivered books the time from one delivery to the next.
func (s *stalls) delivered(last, now int64) {
	if last == 0 {
		return
	}
	s.Longest = max(s.Longest, now-last)
	if now-last >= int64(gapFrom) {
		s.Gaps++
	}
}

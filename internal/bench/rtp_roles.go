package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
	"github.com/rvoip/shmbus/shm"
)

const (
	// rtpLead is the time from the go to when the first packet is due.
	rtpLead = 10 * time.Millisecond
	// rtpNap bounds how long a publisher sleeps for a batch to be due.
	rtpNap = 200 * time.Microsecond
)

// pace is when the packets are due, the same for both processes.
func (c streamConfig) pace(st *fleet.Station) *pacer {
	return newPacer(st.GoneAt()+int64(rtpLead), c.Config.packetRate())
}

func rtpPublish(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c streamConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "rtp")
	if err != nil {
		return nil, err
	}
	src, err := newRTPSource(b, c.Config.ends(0))
	if err != nil {
		return nil, err
	}
	defer src.close()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	pace := c.pace(st)
	total := max(1, uint64(c.Duration.Seconds()*c.Config.packetRate()))
	p, err := publishDue(ctx, src, pace, c, total, st)
	if err != nil {
		return nil, err
	}
	st.Count.Store(p.Events)
	st.End(p.Events)
	return p, nil
}

// publishDue publishes what is due until total packets are published or too late.
// The clock is read once a batch.
func publishDue(ctx context.Context, src source, pace *pacer, c streamConfig, total uint64, st *fleet.Station) (p rtpSent, err error) {
	p.Begin = pace.start
	over := pace.due(total) + int64(lateLimit)
	batch := uint64(c.Config.Batch)
	for p.Events < total {
		now := bus.Now()
		if now >= over {
			p.Unsent = total - p.Events
			break
		}
		n := min(pace.by(now), total) - min(p.Events, pace.by(now))
		if n == 0 {
			if err := c.nap(ctx, pace, p.Events, now); err != nil {
				return p, err
			}
			continue
		}
		n = min(n, batch)
		put, err := src.put(ctx, p.Events, int(n), p.Events+n == total)
		p.Events += uint64(put)
		if err != nil {
			return p, fmt.Errorf("publish packet %d: %w", p.Events, err)
		}
		st.Count.Store(p.Events)
	}
	if p.Unsent > 0 { // the last one tells the receiver that it is over
		if _, err := src.put(ctx, p.Events, 1, true); err != nil {
			return p, fmt.Errorf("publish the last packet: %w", err)
		}
		p.Events, p.Unsent = p.Events+1, p.Unsent-1
	}
	p.End = bus.Now()
	return p, nil
}

// nap waits until a batch is due, or for a moment.
func (c streamConfig) nap(ctx context.Context, pace *pacer, next uint64, now int64) error {
	if c.Config.Wait == waitSpin {
		shm.Pause(8)
		return nil
	}
	full := pace.due(next + uint64(c.Config.Batch) - 1)
	return pace.until(ctx, max(pace.due(next), min(full, now+int64(rtpNap))))
}

func rtpReceive(ctx context.Context, st *fleet.Station, config []byte) (any, error) {
	var c streamConfig
	if err := understand(config, &c); err != nil {
		return nil, err
	}
	b, err := c.Place.open(st, "media")
	if err != nil {
		return nil, err
	}
	r := rtpGot{received: received{Tracker: newTracker(1, 1)}, Late: stat.NewLatency()}
	snk := &lateSink{into: &r}
	if snk.sink, err = newRTPSink(b, c.Config.ends(0), snk.see); err != nil {
		return nil, err
	}
	defer snk.close()
	st.Ready()
	if err := st.AwaitGo(ctx); err != nil {
		return nil, err
	}
	st.Begin()
	snk.pace = c.pace(st)
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	var missed atomic.Uint64
	go giveUp(patient, st, &missed, cancel)
	if err := receiveAll(patient, snk, r.Tracker, st, &missed); err != nil && (ctx.Err() != nil || !errors.Is(err, context.Canceled)) {
		return nil, fmt.Errorf("receive: %w", err)
	}
	r.End = bus.Now()
	st.End(r.Tracker.Received)
	return r, nil
}

// lateSink takes the lateness of what it receives, from one reading of the clock a
// window: once the window is read and checked, and from when its first packet was
// due. So no packet counts as less late than it was, and some as a little more.
type lateSink struct {
	sink
	into  *rtpGot
	pace  *pacer
	first uint64
	any   bool
}

func (s *lateSink) see(n payload.Note, ok bool, _ int64) {
	if !s.any && ok {
		s.first, s.any = n.Seq(), true
	}
	s.into.Tracker.see(n, ok)
}

func (s *lateSink) take(ctx context.Context) (int, error) {
	s.any = false
	before := s.into.Tracker.Received
	n, err := s.sink.take(ctx) // packets, or packs of them
	if s.any {
		now, packets := bus.Now(), s.into.Tracker.Received-before
		s.into.Late.RecordN(now-s.pace.due(s.first), int64(packets))
		s.into.LastLate = now - s.pace.due(s.first+packets-1)
	}
	return n, err
}

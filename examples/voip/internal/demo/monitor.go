package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/mediad"
)

const sampleEvery = 20 * time.Millisecond

// monitor watches the bus while the calls are on: its lanes from outside, and what mediad finds from inside.
type monitor struct {
	viewer  *bus.Viewer
	quality *bus.Subscriber[events.MediaQuality]
	reports *bus.Subscriber[events.StreamReport]
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	last    bus.Snapshot
	peaks   map[string]uint64
	streams map[uint64]events.StreamReport
	low     *hdrhistogram.Histogram
	err     error
}

func newMonitor(b *bus.Bus, o *bus.Options) (m *monitor, err error) {
	m = &monitor{
		peaks: make(map[string]uint64), streams: make(map[uint64]events.StreamReport), low: mediad.NewHistogram(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.quality, err = bus.Subscribe[events.MediaQuality](b, nil); err != nil {
		return nil, err
	}
	if m.reports, err = bus.Subscribe[events.StreamReport](b, nil); err != nil {
		return nil, err
	}
	if m.viewer, err = bus.Inspect(b.Name(), o); err != nil {
		return nil, err
	}
	m.work.Go(func() { m.sample(ctx) })
	m.work.Go(func() {
		follow(ctx, m, m.quality, func(_ *events.MediaQuality, took int64) { _ = m.low.RecordValue(took) })
	})
	m.work.Go(func() {
		// One that was sent twice, around a kill, is one.
		follow(ctx, m, m.reports, func(v *events.StreamReport, _ int64) { m.streams[v.Call] = *v })
	})
	return m, nil
}

func (m *monitor) sample(ctx context.Context) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.look()
		}
	}
}

// look takes in what is there now.
func (m *monitor) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.viewer.Snapshot()
	if err != nil {
		m.fail(fmt.Errorf("snapshot: %w", err))
		return
	}
	m.last = s
	for _, l := range lanes(s) {
		m.peaks[l.Name] = max(m.peaks[l.Name], l.Depth)
	}
}

// follow receives until ctx ends, and then what is still there.
func follow[T any](ctx context.Context, m *monitor, s *bus.Subscriber[T], f func(v *T, took int64)) {
	for {
		v, err := s.Receive(ctx)
		if ctx.Err() != nil && err != nil {
			v, err = s.TryReceive()
		}
		took := max(0, bus.Now()-v.Time)
		var lag *bus.LagError
		switch {
		case err == nil:
			m.mu.Lock()
			f(&v.Value, took)
			m.mu.Unlock()
		case errors.Is(err, bus.ErrEmpty):
			return
		case errors.As(err, &lag) && lag.Priority == bus.Low:
			// That lane is lossy by choice; the table shows its count.
		default:
			m.mu.Lock()
			m.fail(fmt.Errorf("receiving: %w", err))
			m.mu.Unlock()
			return
		}
	}
}

func (m *monitor) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// lanes sums the shards of each priority up. What is read of them is the deepest.
func lanes(s bus.Snapshot) (sums []bus.LaneInfo) {
	for _, l := range s.Lanes {
		if n := len(sums); n > 0 && sums[n-1].Name == l.Name {
			sum := &sums[n-1]
			sum.Published += l.Published
			sum.Lost += l.Lost
			sum.Depth = max(sum.Depth, l.Depth)
			continue
		}
		sums = append(sums, l)
	}
	return sums
}

// lane returns what the last snapshot says of a priority.
func (m *monitor) lane(p bus.Priority) bus.LaneInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range lanes(m.last) {
		if l.Name == p.String() {
			return l
		}
	}
	return bus.LaneInfo{}
}

// ended returns how many streams mediad has reported as ended.
func (m *monitor) ended() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.streams)
}

// finish takes a last look, when nobody publishes any more.
func (m *monitor) finish() error {
	m.stop()
	m.work.Wait()
	m.look()
	return m.err
}

func (m *monitor) close() {
	if m == nil {
		return
	}
	m.stop()
	m.work.Wait()
	if m.viewer != nil {
		_ = m.viewer.Close()
	}
	if m.quality != nil {
		_ = m.quality.Close()
	}
	if m.reports != nil {
		_ = m.reports.Close()
	}
}

package fleet

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Role is the work of one role. It calls Ready, waits for Go, does its work
// between Begin and End, and returns a result that marshals to JSON.
type Role func(ctx context.Context, st *Station, config []byte) (any, error)

// Station is a role's connection to its conductor. Its methods may be called
// from several goroutines.
type Station struct {
	// Count is the progress a role tells of itself, in events.
	Count atomic.Uint64

	role  int
	ready sync.Once
	agent *agent
}

// Ready tells the conductor that the role is prepared.
func (s *Station) Ready() {
	s.ready.Do(func() { s.agent.send(note{Kind: noteReady, Role: s.role}) })
}

// AwaitGo waits until the conductor lets roles begin.
func (s *Station) AwaitGo(ctx context.Context) error {
	select {
	case <-s.agent.goes:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// GoneAt is when the conductor let roles begin, a time of shm.Now that is the same
// for all of them. It waits for that.
func (s *Station) GoneAt() int64 {
	<-s.agent.goes
	return s.agent.at
}

// Draining is closed when nothing more will be published by anybody.
func (s *Station) Draining() <-chan struct{} { return s.agent.drain }

// Total is how many events were published. It is known once Draining is closed.
func (s *Station) Total() uint64 {
	<-s.agent.drain
	return s.agent.total
}

// Begin starts the account of cpu time and allocations of this process.
func (s *Station) Begin() { s.agent.meter.begin() }

// End closes the account when the last role of the process that began calls
// it; events is what the role published or received.
func (s *Station) End(events uint64) { s.agent.meter.end(events) }

// Shared returns what open made for key in this process, so that the roles of
// one process share it. What is an io.Closer is closed when all roles ended.
func (s *Station) Shared(key string, open func() (any, error)) (any, error) {
	return s.agent.shared.get(key, open)
}

type meter struct {
	mu      sync.Mutex
	active  int
	began   bool
	mallocs uint64
	cpu     float64
	usage   Usage
}

func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active++
	if m.began {
		return
	}
	m.began = true
	m.mallocs, m.cpu = mallocs(), cpuSeconds()
}

func (m *meter) end(events uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage.Events += events
	if m.active--; m.active == 0 {
		m.usage.CPUSeconds = cpuSeconds() - m.cpu
		m.usage.Mallocs = mallocs() - m.mallocs
	}
}

func (m *meter) total() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usage
}

func mallocs() uint64 {
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return ms.Mallocs
}

type shared struct {
	mu      sync.Mutex
	values  map[string]any
	closers []io.Closer
}

func (s *shared) get(key string, open func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[key]; ok {
		return v, nil
	}
	v, err := open()
	if err != nil {
		return nil, err
	}
	if s.values == nil {
		s.values = make(map[string]any)
	}
	s.values[key] = v
	if c, ok := v.(io.Closer); ok {
		s.closers = append(s.closers, c)
	}
	return v, nil
}

func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, v := range slices.Backward(s.closers) {
		if err := v.Close(); err != nil && first == nil {
			first = err
		}
	}
	s.closers = nil
	return first
}

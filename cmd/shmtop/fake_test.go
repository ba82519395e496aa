package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/rvoip/shmbus/bus"
)

var errGone = fmt.Errorf("no such region: %w", os.ErrNotExist)

// fakeRegion stands for a region that comes and goes.
type fakeRegion struct {
	mu     sync.Mutex
	snap   bus.Snapshot
	there  bool
	opened int
	closed int
}

func (r *fakeRegion) open() (source, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.there {
		return nil, errGone
	}
	r.opened++
	return fakeSource{r}, nil
}

func (r *fakeRegion) set(there bool, snap bus.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.there, r.snap = there, snap
}

type fakeSource struct{ r *fakeRegion }

func (s fakeSource) Snapshot() (bus.Snapshot, error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	snap := s.r.snap
	if !s.r.there {
		snap.State = bus.StateRemoved
	}
	return snap, nil
}

func (s fakeSource) Close() error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.closed++
	return nil
}

// switchSnapshot is a small switch: one process dead, one hung, one subscription
// without a process.
func switchSnapshot() bus.Snapshot {
	return bus.Snapshot{
		Region: "voip", State: bus.StateOpen, Size: 47 << 20,
		Lanes: []bus.LaneInfo{
			{Name: "critical", Policy: "reliable", Capacity: 2048, SlotSize: 1024, Published: 1000, Depth: 120, Subscribers: 2, Ports: 16, PortsUsed: 3, Pins: 256, PinsUsed: 64},
			{Name: "high", Policy: "reliable", Capacity: 2048, SlotSize: 4096, Published: 5000, Depth: 2048, Subscribers: 1, Full: 412, Evictions: 1, Ports: 16, PortsUsed: 3, Pins: 256, PinsUsed: 256},
			{Name: "normal", Policy: "reliable", Capacity: 16384, SlotSize: 512, Published: 1 << 20, Depth: 4000, Subscribers: 1, Ports: 16, PortsUsed: 2, Pins: 256, PinsUsed: 32},
			{Name: "low", Policy: "lossy", Capacity: 16384, SlotSize: 256, Published: 1 << 30, Depth: 16384, Lost: 70000, Subscribers: 1, Ports: 16, PortsUsed: 1, Pins: 256, PinsUsed: 16},
		},
		Subscribers: []bus.SubscriberInfo{
			{ID: 1, Name: "mediad", PID: 4242, Participant: 2, Alive: true, Lane: "critical", Cursor: 1000, Received: 1000, Waiting: true, Gated: true},
			{ID: 1, Name: "mediad", PID: 4242, Participant: 2, Alive: true, Lane: "high", Cursor: 2952, Depth: 2048, Received: 2952, Gated: true, Pinned: 16},
			{ID: 1, Name: "mediad", PID: 4242, Participant: 2, Alive: true, Lane: "normal", Cursor: 1<<20 - 4000, Depth: 4000, Received: 1<<20 - 4000, Gated: true},
			{ID: 2, Name: "billing", Durable: "billing", Participant: -1, Lane: "critical", Cursor: 880, Depth: 120, Received: 880, Gated: true},
			{ID: 3, Name: "quality", PID: 4250, Participant: 3, Alive: true, Lane: "low", Cursor: 1<<30 - 16384, Depth: 16384, Missed: 70000},
			{ID: 4, Name: "recorder", PID: 4199, Participant: 4, Lane: "high", Cursor: 900, Depth: 2048, Missed: 812, Evicted: true},
		},
		Participants: []bus.ParticipantInfo{
			{ID: 0, Name: "sipd", PID: 4240, Alive: true, Ports: 3},
			{ID: 1, Name: "rtpd", PID: 4241, Alive: true, Ports: 2},
			{ID: 2, Name: "mediad", PID: 4242, Alive: true, Ports: 1, Subscribers: 1},
			{ID: 3, Name: "quality", PID: 4250, Alive: true, Subscribers: 1},
			{ID: 4, Name: "recorder", PID: 4199, Subscribers: 1},
		},
		Types: []bus.TypeInfo{
			{Name: "voip.call-state", ID: 1, Size: 96, Fields: "call u64, state u8, at i64"},
			{Name: "voip.rtp", ID: 2, Size: 32, Fields: "ssrc u32, seq u16"},
		},
	}
}

// plainTheme draws without colours, as on an output that takes none.
func plainTheme() *theme { return newTheme(&strings.Builder{}, false) }

// colorTheme draws with colours although the output is no terminal.
func colorTheme(t *testing.T) *theme {
	t.Helper()
	r := lipgloss.NewRenderer(&strings.Builder{})
	r.SetColorProfile(termenv.TrueColor)
	th := plainTheme()
	for _, s := range []*lipgloss.Style{&th.plain, &th.dim, &th.head, &th.title, &th.focus, &th.key, &th.line, &th.ok, &th.warn, &th.bad} {
		*s = s.Renderer(r)
	}
	return th
}

// lockedBuffer is an output that a test reads while a program writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// The events of the tests, one for each priority.
type (
	alarm struct{ Seq uint64 }
	call  struct{ Seq uint64 }
	tick  struct {
		Seq  uint64
		Name codec.String32
		Data [16]byte
	}
	crumb struct{ Seq uint64 }
)

func (alarm) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.alarm", Priority: bus.Critical}
}
func (call) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.call", Priority: bus.High}
}
func (crumb) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.crumb", Priority: bus.Low}
}

// capacity is that of every lane of small.
const capacity = 64

// small is a geometry that fills up soon. Nobody is evicted: a test that wants
// that says so.
func small() bus.Geometry {
	lane := bus.LaneGeometry{Capacity: capacity, SlotSize: 128, Ports: 8, Pins: 64, Batch: 8, EvictAfter: -1}
	return bus.Geometry{
		Participants: 8, Subscribers: 32, Types: 16,
		Critical: lane, High: lane, Normal: lane, Low: lane,
	}
}

// patience is how long a test waits for what must happen. It is no bound on how
// long that may take: the machine may be busy.
const (
	patience = time.Minute
	often    = time.Millisecond
)

// each runs a test over a shared and over a local bus of a small geometry.
func each(t *testing.T, f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	eachWith(t, bus.Options{Geometry: small()}, f)
}

func eachWith(t *testing.T, o bus.Options, f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	t.Run("Shared", func(t *testing.T) { f(t, open(t, t.TempDir(), o)) })
	t.Run("Local", func(t *testing.T) {
		b, err := bus.OpenLocal(&o)
		require.NoError(t, err)
		closeAfter(t, b)
		f(t, b)
	})
}

// open joins or creates the region of a test. Every bus counts as a process of
// its own.
func open(t testing.TB, dir string, o bus.Options) *bus.Bus {
	t.Helper()
	o.Dir = dir
	b, err := bus.Open("test", &o)
	if errors.Is(err, bus.ErrUnsupported) {
		t.Skip(err) // this GOOS has no shared regions
	}
	require.NoError(t, err)
	closeAfter(t, b)
	return b
}

// closeAfter checks the lanes and closes the bus at the end of the test.
func closeAfter(t testing.TB, b *bus.Bus) {
	t.Cleanup(func() {
		if err := b.CheckLanes(); !errors.Is(err, bus.ErrClosed) {
			assert.NoError(t, err, "integrity of the lanes at the end of the test")
		}
		require.NoError(t, b.Close())
	})
}

func newPub[T any](t testing.TB, b *bus.Bus, o *bus.PublisherOptions) *bus.Publisher[T] {
	t.Helper()
	p, err := bus.NewPublisher[T](b, o)
	require.NoError(t, err)
	return p
}

func newSub[T any](t testing.TB, b *bus.Bus, o *bus.SubscribeOptions) *bus.Subscriber[T] {
	t.Helper()
	s, err := bus.Subscribe[T](b, o)
	require.NoError(t, err)
	return s
}

func typeID[T any](t testing.TB, b *bus.Bus) bus.TypeID {
	t.Helper()
	id, err := bus.TypeFor[T](b)
	require.NoError(t, err)
	return id
}

// publishTicks publishes ticks [from, to) without waiting.
func publishTicks(t testing.TB, p *bus.Publisher[tick], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, p.TryPublish(&tick{Seq: uint64(i)}))
	}
}

// fill publishes ticks from seq from on until the lane is full, and returns the
// first that was refused.
func fill(t testing.TB, p *bus.Publisher[tick], from int) int {
	t.Helper()
	for i := from; ; i++ {
		if err := p.TryPublish(&tick{Seq: uint64(i)}); err != nil {
			require.ErrorIs(t, err, bus.ErrFull)
			return i
		}
	}
}

// requireTicks expects ticks [from, to), and nothing more behind them.
func requireTicks(t testing.TB, s *bus.Subscriber[tick], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		m, err := s.TryReceive()
		require.NoErrorf(t, err, "tick %d", i)
		require.Equal(t, uint64(i), m.Value.Seq)
	}
	requireEmpty(t, s)
}

func requireEmpty[T any](t testing.TB, s *bus.Subscriber[T]) {
	t.Helper()
	_, err := s.TryReceive()
	require.ErrorIs(t, err, bus.ErrEmpty)
}

// waiting waits until subscription id of the region sleeps.
func waiting(t testing.TB, b *bus.Bus, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		s, err := b.Snapshot()
		if err != nil {
			return false
		}
		for _, row := range s.Subscribers {
			if row.Name == name && row.Waiting {
				return true
			}
		}
		return false
	}, patience, often, "subscription %s sleeps", name)
}

// result waits for what a goroutine sends.
func result[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		require.Fail(t, "a goroutine of the test does not return")
	}
	return v
}

// async runs f and sends its error.
func async(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return c
}

// row returns what a snapshot says of a subscription on a lane.
func row(t testing.TB, b *bus.Bus, name string, p bus.Priority) bus.SubscriberInfo {
	t.Helper()
	s, err := b.Snapshot()
	require.NoError(t, err)
	for _, r := range s.Subscribers {
		if r.Name == name && r.Lane == p.String() {
			return r
		}
	}
	require.Failf(t, "no such subscription", "%s on %s", name, p)
	return bus.SubscriberInfo{}
}

func background() context.Context { return context.Background() }

// awake leaves out how often a subscription slept, which depends on the machine.
func awake(s bus.SubscriberStats) bus.SubscriberStats {
	s.Wakeups = 0
	return s
}

// unwoken leaves out whom a publisher found asleep.
func unwoken(s bus.PublisherStats) bus.PublisherStats {
	s.Wakeups = 0
	return s
}

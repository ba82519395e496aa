package ring_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// The stress lets producers, steady readers, readers that come and go, readers
// that detach and resume, and readers that hold their window for more than a
// lap work on one small lane, and then holds them to:
//
//   - No torn read: each event is a pattern that fills its slot, and a reader
//     checks it whole, twice, for as long as it has it pinned.
//   - No data race on any slot, under the race detector.
//   - What account.check lists: accepted means published, once and in order; one
//     order for all; received + missed is exact; reliable means nothing missed.
//   - No producer of a lossy lane is ever refused a slot or a publish.
//   - Every slot has exactly one place at the end (Lane.Check).

// stress is one run. Its parts stop early when one of them fails.
type stress struct {
	lane     *ring.Lane
	events   uint64 // for each producer
	batch    int
	done     atomic.Bool // producers have ended
	stop     atomic.Bool
	failures chan error

	mu      sync.Mutex
	account account
}

const stressProducers = 3

func (s *stress) fail(err error) {
	s.stop.Store(true)
	select {
	case s.failures <- err:
	default:
	}
}

func (s *stress) live(l life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account.lives = append(s.account.lives, l)
}

func stressGeometry(capacity int, reliable bool, batch int) ring.Geometry {
	return ring.Geometry{
		Capacity: capacity, SlotSize: 192, Ports: stressProducers, Pins: 5 * stressWindow(capacity), Batch: batch,
		Readers: 5, Reliable: reliable,
	}
}

// stressWindow is more than a tiny lane holds, and in a large one room for several
// polls, of at most two events each.
func stressWindow(capacity int) int {
	switch capacity {
	case 2:
		return 5
	case 64:
		return 16
	}
	return 2
}

func TestStress(t *testing.T) {
	events := uint64(5000)
	if testing.Short() {
		events = 600
	}
	for _, reliable := range []bool{false, true} {
		for _, capacity := range []int{2, 4, 8, 64} {
			for _, batch := range []int{1, 3} {
				geo := stressGeometry(capacity, reliable, batch)
				for i, start := range starts(capacity) {
					// Each wrap with one shape at least, all with the others in turn.
					if (i+capacity/2+batch)%3 != 0 {
						continue
					}
					t.Run(fmt.Sprintf("reliable=%t/N=%d/batch=%d/start=%#x", reliable, capacity, batch, start), func(t *testing.T) {
						n := events
						if reliable { // lockstep
							n = max(n*uint64(capacity)/64, 200)
						}
						runStress(t, newLane(t, geo, start), n, batch)
					})
				}
			}
		}
	}
}

func runStress(t *testing.T, lane *ring.Lane, events uint64, batch int) {
	s := &stress{lane: lane, events: events, batch: batch, failures: make(chan error, 1)}
	s.account.geo, s.account.start = lane.Geometry(), lane.Start()
	s.account.accepted = map[uint32]uint64{}

	// Readers join before the first event, so that the steady one has all.
	var producers, readers sync.WaitGroup
	for i, behave := range []func(int, *ring.Reader){s.steady, s.steadyPiecewise, s.comeAndGo, s.hold, s.resume} {
		r := newReader(t, lane, i, stressWindow(lane.Geometry().Capacity))
		r.Join()
		readers.Go(func() { ; behave(i, r) })
	}
	for i := range stressProducers {
		producers.Go(func() { ; s.produce(uint32(i)) })
	}
	if lane.Geometry().Reliable {
		readers.Go(func() { ; s.evict(holderIndex) })
	}
	ended := make(chan error, 1)
	go func() {
		producers.Wait()
		s.done.Store(true)
		readers.Wait()
		ended <- nil
	}()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(2 * time.Minute):
		s.stop.Store(true)
		require.FailNow(t, "somebody makes no progress", "tail %d, gates %v", lane.Tail(), lane.Gates(nil))
	}
	select {
	case err := <-s.failures:
		require.NoError(t, err)
	default:
	}
	s.account.tail = lane.Tail()
	assert.Equal(t, stressProducers*events, s.account.tail-s.account.start)
	require.NoError(t, s.account.check())
	assert.Zero(t, lane.Stats().PortsUsed)
	assert.Zero(t, lane.Stats().PinsUsed)
}

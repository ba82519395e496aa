package ring_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// countingParker counts the wakes that reach it.
type countingParker struct {
	ring.Parker
	wakes atomic.Int64
}

func (p *countingParker) Wake(addr *uint32, bits uint32) error {
	p.wakes.Add(1)
	return p.Parker.Wake(addr, bits)
}

func parkers() map[string]func() ring.Parker {
	m := map[string]func() ring.Parker{"local": func() ring.Parker { return &ring.LocalParker{} }}
	if runtime.GOOS == "linux" {
		m["futex"] = func() ring.Parker { return &ring.FutexParker{} }
	}
	return m
}

func forParkers(t *testing.T, f func(t *testing.T, p ring.Parker)) {
	for name, make := range parkers() {
		t.Run(name, func(t *testing.T) { f(t, make()) })
	}
}

func newBell(p ring.Parker) *ring.Bell { return ring.NewBell(ring.NewMemory(ring.BellSize), p) }

func TestRingingWakesNobodyWhoDoesNotCare(t *testing.T) {
	p := &countingParker{Parker: &ring.LocalParker{}}
	bell := newBell(p)
	bell.Ring(1)
	assert.Zero(t, p.wakes.Load(), "nobody sleeps")
	bell.Arm(2 | 4)
	bell.Ring(1)
	assert.Zero(t, p.wakes.Load(), "nobody cares")
	bell.Ring(4)
	assert.Equal(t, int64(1), p.wakes.Load())
	bell.Ring(4)
	assert.Equal(t, int64(1), p.wakes.Load(), "one publish pays, not each")
	bell.Ring(2)
	assert.Equal(t, int64(2), p.wakes.Load(), "the other bit is still wanted")
}

func TestAKeyWakesWhoAskedForIt(t *testing.T) {
	p := &countingParker{Parker: &ring.LocalParker{}}
	bell := newBell(p)
	for key := range uint64(10_000) {
		bell.RingKey(key)
	}
	assert.Zero(t, p.wakes.Load(), "nobody sleeps")
	bell.ArmKeys([]uint64{3, 1 << 63})
	woken := 0
	for key := range uint64(1000) {
		if key != 3 {
			bell.RingKey(key)
			woken = int(p.wakes.Load())
		}
	}
	assert.LessOrEqual(t, woken, 1, "some keys share a bit, which is cleared by the first; most do not")
	bell.ArmKeys([]uint64{3})
	bell.RingKey(3)
	assert.Equal(t, int64(woken+1), p.wakes.Load())
	bell.RingKey(3)
	assert.Equal(t, int64(woken+1), p.wakes.Load(), "one publish pays, not each")
	bell.RingKey(1 << 63)
	assert.Equal(t, int64(woken+2), p.wakes.Load(), "the other key is still wanted")
	bell.Ring(1)
	assert.Equal(t, int64(woken+2), p.wakes.Load())
}

func TestAKeyAfterArmKeysEndsTheSleep(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		bell := newBell(p)
		ticket := bell.ArmKeys([]uint64{7})
		bell.RingKey(7)
		require.NoError(t, bell.Sleep(ticket, ring.KeyBit, 0, func() bool { return true }))
	})
}

func TestARingAfterArmEndsTheSleep(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		bell := newBell(p)
		ticket := bell.Arm(1)
		bell.Ring(1)
		require.NoError(t, bell.Sleep(ticket, 1, 0, func() bool { return true }))
	})
}

func TestSleepEndsAtItsDeadline(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		bell := newBell(p)
		for range 7 { // timers are used again
			ticket := bell.Arm(1)
			deadline := shm.Now() + int64(time.Millisecond)
			for shm.Now() < deadline { // it may return early
				require.NoError(t, bell.Sleep(ticket, 1, deadline, func() bool { return false }))
			}
		}
		require.NoError(t, bell.Sleep(bell.Arm(1), 1, 1, func() bool { return false }), "long past")
	})
}

// Every sleeper is woken by one ring, however many bits they share.
func TestARingWakesAllWhoCare(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		bell := newBell(p)
		const sleepers = 16
		var ready sync.WaitGroup
		var rung atomic.Bool
		done := make(chan error, sleepers)
		ready.Add(sleepers)
		for i := range sleepers {
			mask := uint32(1) | 2<<i
			go func() {
				ticket := bell.Arm(mask)
				ready.Done()
				done <- bell.Sleep(ticket, mask, 0, rung.Load)
			}()
		}
		ready.Wait()
		rung.Store(true)
		bell.Ring(1)
		for range sleepers {
			within(t, "a sleeper wakes", done)
		}
	})
}

// Readers sleep without a deadline, producers ring after each event: one lost
// wake stops the test for ever.
func TestNoWakeOfAPublishedEventIsLost(t *testing.T) {
	forParkers(t, func(t *testing.T, parker ring.Parker) {
		events := uint64(20000)
		if testing.Short() {
			events = 2000
		}
		const producers, readers = 2, 7 // more than may hold a thread each
		geo := ring.Geometry{Capacity: 1024, SlotSize: 64, Ports: producers, Pins: 2 * readers, Batch: 1, Readers: readers, Reliable: true}
		mem := ring.NewMemory(geo.Size())
		require.NoError(t, ring.Format(mem, geo, 0))
		lane, err := ring.Attach(mem, geo, parker)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, lane.Check()) })
		bell := newBell(parker)

		done := make(chan error, producers+readers)
		for i := range readers {
			r := newReader(t, lane, i, 2)
			r.Join()
			mask := uint32(1) << (i % 2)
			go func() {
				for got := uint64(0); got < producers*events; {
					n, _, err := r.Poll(2)
					if err != nil {
						done <- err
						return
					}
					got += uint64(n)
					if n > 0 {
						continue
					}
					ticket := bell.Arm(mask)
					if r.Ready() {
						continue
					}
					if err := bell.Sleep(ticket, mask, 0, r.Ready); err != nil {
						done <- err
						return
					}
				}
				r.Leave()
				done <- nil
			}()
		}
		for i := range producers {
			p := newProducer(t, lane)
			go func() {
				for seq := range events {
					c, slot, err := p.Reserve()
					if err != nil {
						done <- err
						return
					}
					event{uint32(i), seq}.fill(slot)
					for {
						if _, err = p.Publish(c); err == nil {
							break
						}
						if ticket, full := lane.PrepareRoom(); full {
							_ = lane.AwaitRoom(ticket, 0)
						}
					}
					bell.Ring(1)
					bell.Ring(2)
				}
				done <- nil
			}()
		}
		for range producers + readers {
			within(t, "producers and readers end", done)
		}
	})
}

// watchingParker tells, at each wake, what the word is by then.
type watchingParker struct {
	ring.Parker
	seen []uint32
}

func (p *watchingParker) Wake(addr *uint32, bits uint32) error {
	p.seen = append(p.seen, atomic.LoadUint32(addr))
	return p.Parker.Wake(addr, bits)
}

// Who has drawn its ticket and does not sleep yet is not there to be woken: it must
// find that the count has changed.
func TestTheCountHasChangedBeforeTheWake(t *testing.T) {
	p := &watchingParker{Parker: &ring.LocalParker{}}
	bell := newBell(p)
	var tickets []uint32
	for _, ringIt := range []func(){
		func() { bell.Ring(1) }, func() { bell.RingKey(7) }, func() { bell.Wake(2) },
	} {
		bell.ArmKeys([]uint64{7})
		tickets = append(tickets, uint32(bell.Arm(1)))
		ringIt()
	}
	require.Len(t, p.seen, len(tickets))
	for i, ticket := range tickets {
		assert.Equal(t, ticket+1, p.seen[i])
	}
}

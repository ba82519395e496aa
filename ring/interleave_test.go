//go:build failpoint

package ring_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// Interleavings that matter, one by one and without luck: a hook does what
// another process would do at exactly that step, or a goroutine dies there.

// during runs f once, when anybody first comes to step.
func during(t *testing.T, step failpoint.Step, f func()) {
	var ran atomic.Bool
	failpoint.Set(func(s failpoint.Step) {
		if s == step && ran.CompareAndSwap(false, true) {
			failpoint.Set(nil)
			f()
		}
	})
	t.Cleanup(func() {
		failpoint.Set(nil)
		assert.True(t, ran.Load(), "nobody came to %s", step)
	})
}

// dies runs f until it comes to step for the hit-th time, where it ends. It
// reports whether it came to that.
func dies(step failpoint.Step, hit int64, f func()) bool {
	var hits atomic.Int64
	dead := make(chan bool, 1)
	failpoint.Set(func(s failpoint.Step) {
		if s == step && hits.Add(1) == hit {
			failpoint.Set(nil)
			dead <- true
			runtime.Goexit()
		}
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
		dead <- false
	}()
	<-ended
	failpoint.Set(nil)
	return <-dead
}

func stepsOf(roles ...string) (steps []failpoint.Step) {
	for _, s := range ring.Steps() {
		if role, _, _ := strings.Cut(string(s), "/"); slices.Contains(roles, role) {
			steps = append(steps, s)
		}
	}
	return steps
}

func TestTheTailMovesWhileAReaderJoins(t *testing.T) {
	for name, join := range map[string]func(*ring.Reader){"join": (*ring.Reader).Join, "resume": (*ring.Reader).Resume} {
		t.Run(name, func(t *testing.T) {
			forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
				p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
				during(t, "joiner/store-cursor", func() { publishMany(t, p, 1, 0, 20) })
				join(r)
				require.Equal(t, start+20, r.Position())
				require.Equal(t, uint64(28), fill(t, p, 20), "a lap, and no more")
				for seq := uint64(20); seq < 28; seq++ {
					poll(t, r, 1, 1, 0)
					requireEvent(t, r, 0, event{1, seq}, start+seq)
				}
			})
		})
	}
}

// requireWhole reads all there is and expects every event where it belongs.
func requireWhole(t *testing.T, r *ring.Reader, start uint64) {
	t.Helper()
	for {
		n, _, err := r.Poll(2)
		require.NoError(t, err)
		for k := range n {
			slot, pos := r.Slot(k)
			e, err := read(slot)
			require.NoError(t, err)
			require.Equal(t, pos-start, e.seq)
		}
		if n == 0 {
			return
		}
	}
}

// The lane goes on while a reader is about to look, or to pin.
func TestTheLaneLapsAReaderThatIsAboutToRead(t *testing.T) {
	for _, step := range []failpoint.Step{"reader/look", "reader/pin"} {
		for events := uint64(1); events < 14; events++ {
			t.Run(fmt.Sprintf("%s/%d", step, events), func(t *testing.T) {
				lane := newLane(t, geometry(4), 100)
				p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
				r.Join()
				publishMany(t, p, 1, 0, 3)
				during(t, step, func() { publishMany(t, p, 1, 3, 3+events) })
				requireWhole(t, r, 100)
				require.Equal(t, 103+events, r.Position())
			})
		}
	}
}

// A reader comes back and is evicted before it has stored its cursor: it learns of
// that, and of what it has lost by it.
func TestAReaderIsEvictedWhileItResumes(t *testing.T) {
	forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
		r.Join()
		seq := fill(t, p, 0)
		r.Detach()
		r = newReader(t, lane, 0, 1)
		during(t, "joiner/store-cursor", func() {
			require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
			publishMany(t, p, 1, seq, seq+5)
		})
		r.Resume()
		poll(t, r, 1, 1, 5)
		requireEvent(t, r, 0, event{1, 5}, start+5)
		require.True(t, r.Evicted(start))
		require.Equal(t, uint64(1), r.Evictions())
	})
}

// A reader pins an event just before it is displaced: the producer has scanned
// before, and finds the pin only if it scans again.
func TestAnEventIsPinnedJustBeforeItIsDisplaced(t *testing.T) {
	for _, step := range []failpoint.Step{"producer/load-entry", "producer/store-intent", "producer/exchange"} {
		for warm := range uint64(4) {
			t.Run(fmt.Sprintf("%s/%d", step, warm), func(t *testing.T) {
				lane := newLane(t, geometry(4), 0)
				p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
				publishMany(t, p, 1, 0, 20+warm)
				r.Join()
				publishMany(t, p, 1, 20+warm, 24+warm)
				during(t, step, func() { poll(t, r, 2, 2, 0) })
				for seq := 24 + warm; seq < 60; seq++ {
					publish(t, p, event{1, seq})
					requireEvent(t, r, 0, event{1, 20 + warm}, 20+warm)
					requireEvent(t, r, 1, event{1, 21 + warm}, 21+warm)
				}
			})
		}
	}
}

// A reader joins behind the tail while a producer is anywhere in its publish.
func TestAReaderJoinsTheOldestWhileAProducerPublishes(t *testing.T) {
	joins := map[string]func(*ring.Reader){
		"oldest":   (*ring.Reader).JoinOldest,
		"position": func(r *ring.Reader) { r.JoinAt(31) },
		"gone":     func(r *ring.Reader) { r.JoinAt(7) },
	}
	for _, step := range []failpoint.Step{"producer/fill", "producer/load-tail", "producer/exchange", "producer/book-cell", "producer/published"} {
		for name, join := range joins {
			t.Run(string(step)+"/"+name, func(t *testing.T) {
				lane := newLane(t, geometry(4), 0)
				p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
				publishMany(t, p, 1, 0, 33)
				during(t, step, func() {
					join(r)
					n, _, err := r.Poll(4)
					require.NoError(t, err)
					require.Positive(t, n)
				})
				for seq := uint64(33); seq < 70; seq++ {
					publish(t, p, event{1, seq})
					for k := range r.Window() {
						_, pos := r.Slot(k)
						requireEvent(t, r, k, event{1, pos}, pos)
					}
				}
			})
		}
	}
}

// Two readers at one position; the first moves on before it can see that a
// producer waits for it.
func TestAReaderMovesBeforeItIsAskedForRoom(t *testing.T) {
	lane := newLane(t, reliable(8), 0)
	p, a, b := newProducer(t, lane), newReader(t, lane, 0, 2), newReader(t, lane, 1, 2)
	a.Join()
	b.Join()
	fill(t, p, 0)
	during(t, "producer/want-room", func() {
		poll(t, a, 2, 2, 0)
		require.NoError(t, a.Advance(2))
	})
	_, wait := lane.PrepareRoom()
	require.False(t, wait, "the other reader has not been asked")
	done := awaitRoom(lane)
	poll(t, b, 2, 2, 0)
	require.NoError(t, b.Advance(2))
	within(t, "producer wakes", done)
}

// A reader gives room back just before a producer goes to sleep.
func TestRoomIsMadeBeforeAProducerSleeps(t *testing.T) {
	lane := newLane(t, reliable(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	fill(t, p, 0)
	during(t, "producer/room-wait", func() {
		poll(t, r, 2, 2, 0)
		require.NoError(t, r.Advance(2))
	})
	within(t, "producer wakes", awaitRoom(lane))
}

// The lane fills up behind a joiner that has come no further than its first look
// at the tail. When it moves on there is room.
func TestALaneIsFullBehindAJoiner(t *testing.T) {
	lane := newLane(t, reliable(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	var ticket ring.RoomTicket
	during(t, "joiner/reread-tail", func() {
		fill(t, p, 0)
		var wait bool
		ticket, wait = lane.PrepareRoom()
		require.True(t, wait)
	})
	r.Join()
	done := make(chan error, 1)
	go func() { done <- lane.AwaitRoom(ticket, 0) }()
	within(t, "producer wakes", done)
	require.Equal(t, uint64(16), fill(t, p, 8))
}

// The tail does not say yet that an event is published: it can be asked for, and so
// can the one behind it.
func TestAReaderJoinsAheadOfTheTail(t *testing.T) {
	for at := uint64(5); at <= 7; at++ {
		lane := newLane(t, reliable(8), 0)
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		publishMany(t, p, 1, 0, 6)
		during(t, "producer/published", func() {
			require.Equal(t, uint64(7), lane.Tail())
			r.JoinAt(at)
			require.Equal(t, at, r.Position())
		})
		require.Equal(t, at+8, fill(t, p, 6))
		for seq := at; seq < at+8; seq++ {
			poll(t, r, 1, 1, 0)
			requireEvent(t, r, 0, event{1, seq}, seq)
		}
	}
}

// Two readers ask for more pins than there are, one in the middle of the other.
func TestAReaderReservesWhileAnotherSumsUp(t *testing.T) {
	lane := newLane(t, geometry(8), 0) // 4 pins
	var inner error
	var outer error
	during(t, "joiner/sum-up", func() { inner = lane.Reserve(1, 3) })
	outer = lane.Reserve(0, 3)
	admitted := 0
	for _, err := range []error{inner, outer} {
		if err == nil {
			admitted++
		} else {
			require.ErrorIs(t, err, ring.ErrPinBudget)
		}
	}
	require.LessOrEqual(t, admitted, 1)
	require.Equal(t, 3*admitted, lane.Reserved())
}

package ring_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// However many events there are, and wherever a reader starts: what is still
// held is read, and what is not is counted, to the event.
func TestJoinAtAnyPosition(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		geo := geometry(8)
		geo.Reliable = reliable
		for _, published := range []uint64{0, 3, 8, 21} {
			forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
				p := newProducer(t, lane)
				publishMany(t, p, 1, 0, published)
				for from := range published + 1 {
					r := newReader(t, lane, 0, 4)
					r.JoinAt(start + from)
					oldest := published - min(published, 8)
					first := max(from, oldest)
					require.Equal(t, start+first, r.Position())
					require.Equal(t, first-from, r.Owed())
					missed := first - from
					for seq := first; seq < published; seq++ {
						poll(t, r, 1, 1, missed)
						requireEvent(t, r, 0, event{1, seq}, start+seq)
						missed = 0
					}
					poll(t, r, 1, 0, missed)
					require.Equal(t, first-from, lane.Cursor(0).Missed, "told once")
					require.Zero(t, r.Owed())
					require.Zero(t, r.Evictions(), "nobody evicted it")
					r.Leave()
				}
			})
		}
	}
}

func TestJoinAtHoldsAReliableLaneFromThere(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 20)
		r := newReader(t, lane, 0, 4)
		r.JoinAt(start + 15)
		require.Equal(t, uint64(23), fill(t, p, 20), "a lap from there")
		for seq := uint64(15); seq < 23; seq++ {
			poll(t, r, 1, 1, 0)
			requireEvent(t, r, 0, event{1, seq}, start+seq)
		}
	})
}

// A position that is not published yet is no place to wait at: the reader starts
// with the next event, also when that is not where the tail is.
func TestJoinAtIsNotAheadOfTheLane(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 5)
		require.Equal(t, start+5, lane.Tail())
		for _, at := range []uint64{start + 6, start + 1<<40, start - 1} {
			r := newReader(t, lane, 0, 4)
			r.JoinAt(at)
			require.Equal(t, start+5, r.Position())
			require.Zero(t, r.Owed())
			r.Leave()
		}
	})
}

// What a reader that joined too late has not told is told by the one that takes
// over from it, once.
func TestJoinAtLeavesTheGapToTheNext(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 20)
		r := newReader(t, lane, 0, 4)
		r.JoinAt(start + 2)
		r.Detach()
		again := newReader(t, lane, 0, 4)
		again.Resume()
		poll(t, again, 1, 1, 10)
		requireEvent(t, again, 0, event{1, 12}, start+12)
		again.Detach()
		third := newReader(t, lane, 0, 4)
		third.Resume()
		poll(t, third, 1, 1, 0)
		assert.Equal(t, uint64(10), lane.Cursor(0).Missed)
	})
}

// A gap of a reader that prefers the newest reaches up to the tail.
func TestPreferNewest(t *testing.T) {
	for name, geo := range map[string]ring.Geometry{"lossy": geometry(8), "reliable": reliable(8)} {
		t.Run(name, func(t *testing.T) {
			forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
				p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
				r.PreferNewest()
				r.Join()
				publishMany(t, p, 1, 0, 8)
				poll(t, r, 2, 2, 0)
				require.NoError(t, r.Advance(2))
				if geo.Reliable {
					require.Equal(t, uint64(10), fill(t, p, 8))
					require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
				}
				publishMany(t, p, 1, lane.Tail()-start, 30)
				poll(t, r, 4, 0, 28)
				require.Equal(t, start+30, r.Position())
				require.Equal(t, geo.Reliable, lane.Cursor(0).Gated)
				publishMany(t, p, 1, 30, 33)
				poll(t, r, 4, 3, 0)
				requireEvent(t, r, 0, event{1, 30}, start+30)
				assert.Equal(t, uint64(28), lane.Cursor(0).Missed)
				r.Leave()

				late := newReader(t, lane, 0, 4)
				late.PreferNewest()
				late.JoinAt(start + 3)
				require.Equal(t, start+33, late.Position())
				poll(t, late, 4, 0, 30)
			})
		})
	}
}

// The end of a lane that is busy is never before what was published when it was asked
// for, also for one who walks to it while others lap it.
func TestTheEndIsNotBeforeWhatWasPublished(t *testing.T) {
	for _, capacity := range []int{2, 8, 64} {
		lane := newLane(t, ring.Geometry{Capacity: capacity, SlotSize: 64, Ports: 1, Pins: 1, Batch: 1, Readers: 1}, 0)
		p := newProducer(t, lane)
		var done atomic.Uint64
		var stop atomic.Bool
		end := make(chan struct{})
		go func() {
			defer close(end)
			for seq := uint64(0); !stop.Load(); seq++ {
				c, _, err := p.Reserve()
				if err == nil {
					_, err = p.Publish(c)
				}
				if err != nil {
					t.Error(err)
					return
				}
				done.Store(seq + 1)
			}
		}()
		for range 200_000 {
			was := done.Load()
			if at := lane.Tail(); at < was {
				t.Errorf("capacity %d: the end is at %d, where %d had been published", capacity, at, was)
				break
			}
		}
		stop.Store(true)
		<-end
	}
}

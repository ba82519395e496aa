package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// wide is a lane whose readers may have windows of 16.
func wide(capacity int, reliable bool) ring.Geometry {
	geo := geometry(capacity)
	geo.Pins, geo.Reliable = 64, reliable
	return geo
}

// A reader that waits has pinned the events that come: it looks at them once, and
// its cursor need not move for them.
func TestAWaitingReaderHoldsTheEventsThatCome(t *testing.T) {
	for _, capacity := range []int{2, 4, 8} {
		forStarts(t, geometry(capacity), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
			n := min(4, capacity)
			r.Join()
			poll(t, r, 4, 0, 0)
			was := lane.Cursor(0)
			require.Equal(t, n, was.Pinned)
			require.Equal(t, start, was.Position)
			publishMany(t, p, 1, 0, uint64(n))
			poll(t, r, 4, n, 0)
			was.Received, was.Depth = uint64(n), uint64(n)
			require.Equal(t, was, lane.Cursor(0), "it has not moved")
			publishMany(t, p, 1, uint64(n), 200)
			for k := range n {
				requireEvent(t, r, k, event{1, uint64(k)}, start+uint64(k))
			}
		})
	}
}

// Its cursor moves when half of its pin is used up, and when there is nothing to
// read: who waits holds nobody up.
func TestSeveralPollsUnderOnePin(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		forStarts(t, wide(64, reliable), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 16)
			r.Join()
			poll(t, r, 1, 0, 0)
			publishMany(t, p, 1, 0, 30)
			at := uint64(0)
			for i := range uint64(30) {
				poll(t, r, 1, 1, 0)
				requireEvent(t, r, 0, event{1, i}, start+i)
				if i-at == 8 {
					at = i
				}
				require.Equal(t, start+at, lane.Cursor(0).Position, "event %d", i)
				require.Equal(t, 16, lane.Cursor(0).Pinned)
			}
			poll(t, r, 1, 0, 0)
			require.Equal(t, start+30, lane.Cursor(0).Position)
			publishMany(t, p, 1, 30, 90)
			if reliable {
				require.Equal(t, uint64(94), fill(t, p, 90))
			}
		})
	}
}

// A lane is full when it holds its capacity of events that have not been given
// back, less an eighth of a lap at most, and never for ever, however its capacity
// and the windows of its readers compare.
func TestAReliableLaneIsNeverFullForEver(t *testing.T) {
	for _, capacity := range []int{2, 4, 8, 16, 64} {
		for _, window := range []int{1, 2, 3, 16} {
			for _, max := range []int{1, 2, 16} {
				t.Run(fmt.Sprintf("N=%d/window=%d/max=%d", capacity, window, max), func(t *testing.T) {
					lane := newLane(t, wide(capacity, true), ^uint64(0)-20)
					start := lane.Start()
					p, r := newProducer(t, lane), newReader(t, lane, 0, window)
					r.Join()
					seq, read, spare := uint64(0), uint64(0), 1
					if capacity > 8 {
						spare = capacity / 8
					}
					for range 40 * capacity {
						seq = fill(t, p, seq)
						held := int(start + seq - r.Position() + uint64(r.Window()))
						require.LessOrEqual(t, held, capacity)
						require.Greater(t, held, capacity-spare, "false full")
						had := r.Window()
						n, missed, err := r.Poll(max)
						require.NoError(t, err)
						require.Zero(t, missed)
						require.True(t, n > 0 || had == capacity, "all that there is has been polled")
						for k := range n {
							requireEvent(t, r, k, event{1, read}, start+read)
							read++
						}
					}
					for r.Ready() {
						_, _, err := r.Poll(max)
						require.NoError(t, err)
					}
					poll(t, r, max, 0, 0)
					require.Equal(t, seq+uint64(capacity), fill(t, p, seq), "who waits holds no room back")
				})
			}
		}
	}
}

// An evicted reader goes on under its pin without knowing, learns of it with its
// next move or gap, and has counted every event by then.
func TestAReaderIsEvictedUnderItsPin(t *testing.T) {
	for lost := range uint64(80) {
		for polled := range uint64(12) {
			lane := newLane(t, wide(64, true), ^uint64(0)-20)
			start := lane.Start()
			p, r := newProducer(t, lane), newReader(t, lane, 0, 16)
			r.Join()
			poll(t, r, 1, 0, 0)
			seq := fill(t, p, 0)
			for range polled {
				poll(t, r, 1, 1, 0)
			}
			seq = fill(t, p, seq)
			require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
			for range lost {
				publish(t, p, event{1, seq})
				seq++
			}
			next := polled
			for {
				n, missed, err := r.Poll(2)
				require.NoError(t, err)
				next += missed
				if n == 0 {
					break
				}
				for k := range n {
					requireEvent(t, r, k, event{1, next}, start+next)
					next++
				}
			}
			require.Equal(t, seq, next)
			require.Equal(t, uint64(1), r.Evictions())
			require.True(t, lane.Cursor(0).Gated)
			require.Equal(t, seq+64, fill(t, p, seq))
		}
	}
}

// What Poll has given back stays given back when the reader detaches, also what
// its cursor has not moved over yet.
func TestDetachGivesBackWhatPollHas(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		for polls := range uint64(10) {
			lane := newLane(t, wide(64, reliable), 100)
			p, r := newProducer(t, lane), newReader(t, lane, 0, 16)
			r.Join()
			publishMany(t, p, 1, 0, 20)
			for range polls {
				poll(t, r, 1, 1, 0)
			}
			r.Detach()
			next := max(polls, 1) - 1 // the event of the last window was not
			c := lane.Cursor(0)
			require.Equal(t, 100+next, c.Position)
			require.Zero(t, c.Pinned)
			require.Equal(t, reliable, c.Gated)
			r = newReader(t, lane, 0, 16)
			r.Resume()
			poll(t, r, 1, 1, 0)
			requireEvent(t, r, 0, event{1, next}, 100+next)
		}
	}
}

// Readers that have pinned ahead, looked at some of it and are frozen: a lossy
// producer passes them for ever, and what they had looked at stays.
func TestReadersFrozenAheadNeverStarveAProducer(t *testing.T) {
	for _, capacity := range []int{2, 4, 8} {
		geo := geometry(capacity)
		geo.Pins, geo.Readers, geo.Batch = 16, 4, 3
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, q := newProducer(t, lane), newProducer(t, lane)
			var readers []*ring.Reader
			seq := uint64(0)
			next := func(n int) {
				for range n {
					publish(t, p, event{1, seq})
					publish(t, q, event{2, seq})
					seq++
				}
			}
			for i := range 4 {
				r := newReader(t, lane, i, 4)
				if i%2 == 0 {
					r.Join()
					poll(t, r, 4, 0, 0) // pins what is to come
				} else {
					r.JoinOldest()
				}
				next(i)
				_, _, err := r.Poll(i)
				require.NoError(t, err)
				readers = append(readers, r)
			}
			for range 100 {
				next(3)
				for _, r := range readers {
					for k := range r.Window() {
						slot, pos := r.Slot(k)
						e, err := read(slot)
						require.NoError(t, err)
						require.Equal(t, pos-start, 2*e.seq+uint64(e.producer)-1)
					}
				}
			}
		})
	}
}

// Producers remember the entries of a line while others publish in it. There is
// one order all the same, and no event is lost or twice.
func TestProducersRememberALineThatTheyShare(t *testing.T) {
	for _, capacity := range []int{2, 4, 8, 32} {
		geo := geometry(capacity)
		geo.Batch = 5
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			producers := []*ring.Producer{newProducer(t, lane), newProducer(t, lane), newProducer(t, lane)}
			random := rand.New(rand.NewPCG(start, uint64(capacity)))
			seqs := make([]uint64, len(producers))
			r := newReader(t, lane, 0, 2)
			r.Join()
			at := start
			for range 400 {
				i := random.IntN(len(producers))
				var cells []int
				first := seqs[i]
				for range 1 + random.IntN(min(5, capacity)) {
					cells = append(cells, reserve(t, producers[i], event{uint32(i), seqs[i]}))
					seqs[i]++
				}
				n, last, err := producers[i].PublishBatch(cells)
				require.NoError(t, err)
				require.Equal(t, len(cells), n)
				require.Equal(t, at+uint64(n)-1, last)
				for read := 0; read < n; {
					m, missed, err := r.Poll(2)
					require.NoError(t, err)
					require.Zero(t, missed)
					require.Positive(t, m)
					for k := range m {
						requireEvent(t, r, k, event{uint32(i), first}, at)
						first, at, read = first+1, at+1, read+1
					}
				}
			}
			assert.NoError(t, lane.Check())
		})
	}
}

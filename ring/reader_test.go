package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestWindowIsGivenBackPieceByPiece(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(8), reliable(8)} {
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
			r.Join()
			seq, pos := uint64(0), start
			for range 20 {
				publishMany(t, p, 1, seq, seq+4)
				seq += 4
				poll(t, r, 3, 3, 0) // less than the window
				require.Equal(t, 3, r.Window())
				require.Equal(t, 4, lane.Cursor(0).Pinned, "the whole window, published or not")
				requireEvent(t, r, 2, event{1, pos - start + 2}, pos+2)
				require.NoError(t, r.Advance(0))
				require.NoError(t, r.Advance(1))
				require.Equal(t, 2, r.Window())
				require.Equal(t, 4, lane.Cursor(0).Pinned)
				require.Equal(t, pos+1, lane.Cursor(0).Position)
				require.Equal(t, pos+3, r.Position(), "Poll goes on behind the window")
				requireEvent(t, r, 0, event{1, pos - start + 1}, pos+1)
				requireEvent(t, r, 1, event{1, pos - start + 2}, pos+2)
				require.NoError(t, r.Advance(2))
				require.Zero(t, r.Window())
				require.Equal(t, pos+3, lane.Cursor(0).Position)
				poll(t, r, 3, 1, 0)
				requireEvent(t, r, 0, event{1, pos - start + 3}, pos+3)
				pos += 4
			}
			assert.Equal(t, seq, lane.Cursor(0).Received)
			assert.Zero(t, lane.Cursor(0).Missed)
		})
	}
}

func TestReadingOutsideTheWindowPanics(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	assert.Panics(t, func() { r.Slot(0) })
	publishMany(t, p, 1, 0, 2)
	poll(t, r, 4, 2, 0)
	assert.Panics(t, func() { r.Slot(2) })
	assert.Panics(t, func() { r.Slot(-1) })
	assert.Panics(t, func() { _ = r.Advance(3) })
	assert.Panics(t, func() { _ = r.Advance(-1) })
	require.NoError(t, r.Advance(1))
	assert.Panics(t, func() { r.Slot(1) })
}

func TestPollTakesNoMoreThanItsWindow(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 3)
	r.Join()
	publishMany(t, p, 1, 0, 8)
	poll(t, r, 100, 3, 0)
	poll(t, r, 0, 0, 0)
	poll(t, r, 100, 3, 0)
	poll(t, r, 100, 2, 0)
	poll(t, r, 100, 0, 0)
}

// An overrun reader counts every event it did not get, exactly, and goes on
// with events that are still there.
func TestOverrunCountsExactly(t *testing.T) {
	for _, capacity := range []int{2, 4, 64} {
		for _, behind := range []int{0, 1, capacity, 7*capacity + 1} {
			forStarts(t, geometry(capacity), func(t *testing.T, lane *ring.Lane, start uint64) {
				p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
				r.Join()
				total := uint64(capacity + behind)
				publishMany(t, p, 1, 0, total)
				next, missed := start, uint64(0)
				for {
					n, m, err := r.Poll(2)
					require.NoError(t, err)
					missed += m
					next += m
					if n == 0 {
						break
					}
					for k := range n {
						requireEvent(t, r, k, event{1, next - start}, next)
						next++
					}
					r.Delivered(n)
				}
				require.Equal(t, start+total, next)
				c := lane.Cursor(0)
				require.Equal(t, missed, c.Missed)
				require.Equal(t, total, c.Received+c.Missed)
				require.Positive(t, c.Received)
				if behind == 0 {
					require.Zero(t, missed, "a whole lap is held")
				} else {
					require.GreaterOrEqual(t, missed, uint64(behind), "what is overwritten is missed")
					require.Less(t, missed, total)
				}
			})
		}
	}
}

// A lossy producer never waits for a reader's pins, and never touches what they
// pin.
func TestPinnedSlotsStayIntactWhileTheLaneLaps(t *testing.T) {
	forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 3)
		poll(t, r, 4, 3, 0)
		for i := uint64(3); i < 200; i++ {
			publish(t, p, event{1, i})
			for k := range 3 {
				requireEvent(t, r, k, event{1, uint64(k)}, start+uint64(k))
			}
			if i == 100 { // what is given back is used again, the rest is not
				require.NoError(t, r.Advance(1))
				break
			}
		}
		for i := uint64(101); i < 200; i++ {
			publish(t, p, event{1, i})
			for k := range 2 {
				requireEvent(t, r, k, event{1, uint64(1 + k)}, start+uint64(1+k))
			}
		}
		n, missed, err := r.Poll(4)
		require.NoError(t, err)
		require.Equal(t, 4-1, n, "a lap less the headroom")
		require.Equal(t, uint64(200-3-3), missed)
	})
}

func TestManyPinsOfManyReadersNeverStarveAProducer(t *testing.T) {
	geo := geometry(4)
	geo.Pins, geo.Readers = 6, 3
	forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
		p, q := newProducer(t, lane), newProducer(t, lane)
		var readers []*ring.Reader
		for i := range 3 {
			r := newReader(t, lane, i, 2)
			r.Join()
			readers = append(readers, r)
		}
		for i := range uint64(300) {
			// Each reader looks once in a while and holds on to what it saw.
			r := readers[i%3]
			if i%7 == 0 {
				_, _, err := r.Poll(2)
				require.NoError(t, err)
			}
			publish(t, p, event{1, i})
			publish(t, q, event{2, i})
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

func TestFilteredIsCounted(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	publishMany(t, p, 1, 0, 4)
	poll(t, r, 4, 4, 0)
	r.Filtered(3)
	assert.Equal(t, uint64(3), lane.Cursor(0).Filtered)
	assert.Equal(t, uint64(4), lane.Cursor(0).Received)
	r.Leave()
	r = newReader(t, lane, 0, 4)
	r.Join()
	assert.Equal(t, ring.CursorStats{Joined: true, Position: 4, Reserved: 4}, lane.Cursor(0), "counters start over")
}

package ring_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestPublishedEventsArriveInOrderOverManyLaps(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(2), geometry(8), reliable(2), reliable(8)} {
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
			r.Join()
			for i := range uint64(10 * geo.Capacity) {
				require.False(t, r.Ready())
				require.Equal(t, start+i, publish(t, p, event{1, i}))
				require.True(t, r.Ready())
				require.Equal(t, uint64(1), r.Lag())
				poll(t, r, 2, 1, 0)
				requireEvent(t, r, 0, event{1, i}, start+i)
				require.Zero(t, r.Lag())
			}
			assert.Equal(t, start+uint64(10*geo.Capacity), lane.Tail())
			assert.Equal(t, uint64(10*geo.Capacity), lane.Stats().Published)
			assert.NoError(t, lane.Check())
		})
	}
}

func TestReservedCellsAreInvisibleUntilPublished(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	c := reserve(t, p, event{1, 7})
	poll(t, r, 2, 0, 0)
	assert.False(t, r.Ready())
	got, err := read(p.Slot(c))
	require.NoError(t, err)
	assert.Equal(t, event{1, 7}, got)
	_, err = p.Publish(c)
	require.NoError(t, err)
	poll(t, r, 2, 1, 0)
	requireEvent(t, r, 0, event{1, 7}, 0)
}

func TestCellsMayBePublishedInAnyOrder(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	for range uint64(20) {
		a, b := reserve(t, p, event{1, 1}), reserve(t, p, event{1, 2})
		require.NotEqual(t, a, b)
		_, err := p.Publish(b)
		require.NoError(t, err)
		_, err = p.Publish(a)
		require.NoError(t, err)
		poll(t, r, 2, 2, 0)
		requireEvent(t, r, 0, event{1, 2}, r.Position()-2)
		requireEvent(t, r, 1, event{1, 1}, r.Position()-1)
	}
}

func TestCancelGivesTheCellBack(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	for i := range uint64(100) {
		c := reserve(t, p, event{9, i})
		p.Cancel(c)
		p.Cancel(c) // once more does nothing
		publish(t, p, event{1, i})
		poll(t, r, 4, 1, 0)
		requireEvent(t, r, 0, event{1, i}, i)
	}
}

func TestPublishOfACellThatIsNotReservedPanics(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p := newProducer(t, lane)
	assert.Panics(t, func() { _, _ = p.Publish(0) })
	c := reserve(t, p, event{1, 0})
	_, err := p.Publish(c)
	require.NoError(t, err)
	assert.Panics(t, func() { _, _ = p.Publish(c) }, "twice")
}

func TestAProducerHoldsAtMostABatch(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p := newProducer(t, lane)
	a := reserve(t, p, event{1, 0})
	reserve(t, p, event{1, 1})
	_, _, err := p.Reserve()
	require.ErrorIs(t, err, ring.ErrNoSlot)
	p.Cancel(a)
	reserve(t, p, event{1, 0})
}

func TestABatchIsPublishedInOrder(t *testing.T) {
	geo := geometry(8)
	geo.Pins, geo.Batch = 8, 5
	forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 8)
		r.Join()
		seq, read := uint64(0), uint64(0)
		for range 40 {
			var cells []int
			for range 5 {
				cells = append(cells, reserve(t, p, event{1, seq}))
				seq++
			}
			n, last, err := p.PublishBatch(cells)
			require.NoError(t, err)
			require.Equal(t, 5, n)
			require.Equal(t, start+seq-1, last)
			require.Equal(t, start+seq, lane.Tail())
			poll(t, r, 8, 5, 0)
			for k := range 5 {
				requireEvent(t, r, k, event{1, read}, start+read)
				read++
			}
		}
		n, _, err := p.PublishBatch(nil)
		assert.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestAFullLanePublishesAPrefixOfTheBatch(t *testing.T) {
	geo := reliable(4)
	geo.Pins, geo.Batch = 4, 7
	forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		var cells []int
		for i := range uint64(7) {
			cells = append(cells, reserve(t, p, event{1, i}))
		}
		n, last, err := p.PublishBatch(cells)
		require.ErrorIs(t, err, ring.ErrFull)
		require.Equal(t, 4, n)
		require.Equal(t, start+3, last)
		require.Equal(t, start+4, lane.Tail(), "the prefix is visible to joiners")
		poll(t, r, 4, 4, 0)
		n, _, err = p.PublishBatch(cells[4:])
		require.ErrorIs(t, err, ring.ErrFull, "a window that is read is not given back")
		require.Zero(t, n)
		require.NoError(t, r.Advance(3))
		n, _, err = p.PublishBatch(cells[4:])
		require.NoError(t, err, "the rest stayed reserved")
		require.Equal(t, 3, n)
		requireEvent(t, r, 0, event{1, 3}, start+3)
		poll(t, r, 4, 3, 0)
		for k := range 3 {
			requireEvent(t, r, k, event{1, uint64(4 + k)}, start+uint64(4+k))
		}
		assert.Equal(t, uint64(2), lane.Stats().Full)
	})
}

// Nobody reads, so that nobody holds it up.
func TestABatchMayBeLongerThanTheLane(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(2), reliable(2), reliable(4)} {
		geo.Batch = 3*geo.Capacity + 1
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p := newProducer(t, lane)
			var cells []int
			for i := range uint64(geo.Batch) {
				cells = append(cells, reserve(t, p, event{1, i}))
			}
			n, last, err := p.PublishBatch(cells)
			require.NoError(t, err)
			require.Equal(t, geo.Batch, n)
			require.Equal(t, start+uint64(geo.Batch)-1, last)
			r := newReader(t, lane, 0, 2)
			r.JoinOldest()
			poll(t, r, 1, 1, 0)
			first := uint64(geo.Batch - geo.Capacity)
			requireEvent(t, r, 0, event{1, first}, start+first)
		})
	}
}

func TestAFullLaneHasExactlyItsCapacity(t *testing.T) {
	for _, capacity := range []int{2, 4, 64} {
		forStarts(t, reliable(capacity), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, q, r := newProducer(t, lane), newProducer(t, lane), newReader(t, lane, 0, 1)
			r.Join()
			for i := range uint64(capacity) {
				publish(t, []*ring.Producer{p, q}[i%2], event{1, i})
			}
			for _, p := range []*ring.Producer{p, q} {
				c := reserve(t, p, event{2, 0})
				_, err := p.Publish(c)
				require.ErrorIs(t, err, ring.ErrFull)
				p.Cancel(c)
			}
			poll(t, r, 1, 1, 0)
			poll(t, r, 1, 1, 0) // gives one back
			publish(t, p, event{1, uint64(capacity)})
			c := reserve(t, q, event{2, 0})
			_, err := q.Publish(c)
			require.ErrorIs(t, err, ring.ErrFull)
			q.Cancel(c)
			for i := uint64(1); i <= uint64(capacity); i++ {
				requireEvent(t, r, 0, event{1, i}, start+i)
				want := 1
				if i == uint64(capacity) {
					want = 0
				}
				poll(t, r, 1, want, 0)
			}
		})
	}
}

func TestTwoProducersShareOneOrder(t *testing.T) {
	forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, q, r := newProducer(t, lane), newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		for i := range uint64(60) {
			publish(t, p, event{1, i})
			publish(t, q, event{2, i})
			poll(t, r, 4, 2, 0)
			requireEvent(t, r, 0, event{1, i}, start+2*i)
			requireEvent(t, r, 1, event{2, i}, start+2*i+1)
		}
	})
}

func TestAProducerGoesOnWhereItsPortWasLeft(t *testing.T) {
	forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		r := newReader(t, lane, 0, 2)
		r.Join()
		for i := range uint64(30) {
			p := newProducer(t, lane)
			publish(t, p, event{1, i})
			poll(t, r, 2, 1, 0)
			requireEvent(t, r, 0, event{1, i}, start+i)
			lane.ReleasePort(p.Port())
			require.NoError(t, lane.Check())
		}
	})
}

// The tail is a hint that lags by a line of entries at most, so that who looks for
// the end has not far to go; what is published is known all the same.
func TestTheTailLagsByALineAtMost(t *testing.T) {
	forStarts(t, reliable(64), func(t *testing.T, _ *ring.Lane, start uint64) {
		lane, mem := newLaneOver(t, reliable(64), start)
		p, q := newProducer(t, lane), newProducer(t, lane)
		for seq := range uint64(60) {
			publish(t, []*ring.Producer{p, q}[seq/3%2], event{1, seq})
			word := binary.LittleEndian.Uint64(mem)
			require.LessOrEqual(t, start+seq+1-word, uint64(8))
			require.Equal(t, start+seq+1, lane.Tail())
		}
		_, _, err := p.PublishBatch([]int{reserve(t, p, event{1, 60}), reserve(t, p, event{1, 61})})
		require.NoError(t, err)
		require.Equal(t, start+62, binary.LittleEndian.Uint64(mem), "a batch says all of it")
	})
}

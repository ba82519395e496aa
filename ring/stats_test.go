package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// What a lane counts goes on from reader to reader; what a cursor counts is its
// reader's alone.
func TestCountersGoOn(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p := newProducer(t, lane)
	for life := uint64(1); life <= 3; life++ {
		r := newReader(t, lane, 0, 2)
		r.Join()
		start := lane.Tail()
		publishMany(t, p, 1, start, start+4)
		_, _, err := r.Poll(2)
		require.NoError(t, err)
		r.Delivered(1)
		r.Filtered(1)

		gates := lane.Gates(nil)
		require.Len(t, gates, 1)
		require.True(t, lane.Evict(0, gates[0]))
		require.False(t, lane.Evict(0, gates[0]))
		publishMany(t, p, 1, start+4, start+8)
		n, missed, err := r.Poll(2)
		require.NoError(t, err)
		require.Positive(t, n)
		require.Equal(t, uint64(2), missed)

		c := lane.Cursor(0)
		assert.Equal(t, []uint64{1, 1, 2, 1}, []uint64{c.Received, c.Filtered, c.Missed, c.Evictions})

		// A process dies and another goes on with its cursor.
		lane.Unpin(0)
		r = newReader(t, lane, 0, 2)
		r.Resume()
		r.Delivered(1)
		c = lane.Cursor(0)
		assert.Equal(t, []uint64{2, 1, 2, 1}, []uint64{c.Received, c.Filtered, c.Missed, c.Evictions})
		r.Leave()

		s := lane.Stats()
		assert.Equal(t, []uint64{2 * life, life, 2 * life, life}, []uint64{s.Received, s.Filtered, s.Missed, s.Evictions})
		assert.Equal(t, 8*life, s.Published)
	}
	assert.True(t, lane.PortUsed(p.Port()))
	assert.False(t, lane.PortUsed(p.Port()+1))
}

// What a reader has not come to is known at once, though its cursor moves later,
// and from whatever position and counters it began.
func TestUnread(t *testing.T) {
	awake := func(int) bool { return true }
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		unread := func(awake func(int) bool) bool {
			tail, unread := lane.Unread(awake)
			if unread {
				assert.Equal(t, lane.Tail(), tail)
			}
			return unread
		}
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 3)
		assert.False(t, unread(awake), "nobody reads")
		for range 2 { // the second goes on with the counters of the first
			r := newReader(t, lane, 0, 4)
			r.Join()
			assert.False(t, unread(awake))
			publishMany(t, p, 1, 0, 3)
			assert.True(t, unread(awake))
			assert.False(t, unread(func(int) bool { return false }))
			poll(t, r, 2, 2, 0)
			assert.True(t, unread(awake))
			poll(t, r, 2, 1, 0)
			assert.False(t, unread(awake))
			publishMany(t, p, 1, 0, 20)
			n, missed, err := r.Poll(4)
			require.NoError(t, err)
			assert.Positive(t, missed)
			r.Filtered(n)
			for n > 0 {
				n, _, err = r.Poll(4)
				require.NoError(t, err)
				r.Filtered(n)
			}
			assert.False(t, unread(awake), "what is missed or passed over is done with, too")
			r.Leave()
		}
		r := newReader(t, lane, 0, 4)
		r.JoinAt(start) // far behind: the gap is told with the first poll
		for n := 1; n > 0; {
			assert.True(t, unread(awake))
			var err error
			n, _, err = r.Poll(4)
			require.NoError(t, err)
			r.Delivered(n)
			if !unread(awake) {
				break
			}
		}
		publishMany(t, p, 1, 0, 1)
		assert.True(t, unread(awake), "the gap was before where it began")
		poll(t, r, 4, 1, 0)
		assert.False(t, unread(awake))
	})
}

// Ring tells whether somebody was to be woken: once for each time that a sleeper
// announces itself.
func TestRingTells(t *testing.T) {
	b := ring.NewBell(ring.NewMemory(ring.BellSize), &ring.LocalParker{})
	assert.False(t, b.Ring(1))
	b.Arm(3)
	assert.False(t, b.Ring(4), "nobody cares")
	assert.True(t, b.Ring(1))
	assert.False(t, b.Ring(1), "it has been rung for")
	assert.True(t, b.Ring(2))
}

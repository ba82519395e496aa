package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// A reader with a stop neither reads nor misses what lies behind it.
func TestStopAtEndsALane(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		r.StopAt(start + 6)
		publishMany(t, p, 1, 0, 8)
		require.True(t, r.Ready())
		poll(t, r, 4, 4, 0)
		poll(t, r, 4, 2, 0) // what there is before the stop
		require.False(t, r.Ready())
		poll(t, r, 4, 0, 0)
		require.Equal(t, start+6, r.Position())
		assert.Equal(t, start+6, lane.Cursor(0).Position)
	})
}

func TestStopAtWithinTheWindow(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 8)
		poll(t, r, 4, 4, 0)
		r.StopAt(start + 2)
		require.Equal(t, 4, r.Window(), "what it holds it keeps")
		requireEvent(t, r, 3, event{1, 3}, start+3)
		poll(t, r, 4, 0, 0)
		require.Equal(t, start+4, r.Position())
	})
}

// Overtaken, it has missed what lay before the stop, and not a whole lane.
func TestStopAtAndOverrun(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 3)
		r.StopAt(start + 3)
		publishMany(t, p, 1, 3, 100)
		require.True(t, r.Ready())
		poll(t, r, 4, 0, 3)
		require.False(t, r.Ready())
		require.Equal(t, start+3, r.Position())
		assert.Equal(t, uint64(3), lane.Cursor(0).Missed)
	})
}

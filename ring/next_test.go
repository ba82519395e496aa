package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// Next is Poll where there is nothing to see to but the event, and nothing elsewhere.
func TestNextFindsWhatIsThere(t *testing.T) {
	lane := newLane(t, reliable(16), 0)
	r, p := newReader(t, lane, 0, 4), newProducer(t, lane)
	r.Join()
	require.False(t, r.Next(4), "nothing is pinned yet")
	poll(t, r, 4, 0, 0)
	require.False(t, r.Next(4), "nothing has come")

	publish(t, p, event{1, 0})
	require.True(t, r.Next(4))
	require.Equal(t, 1, r.Window())
	requireEvent(t, r, 0, event{1, 0}, 0)

	publishMany(t, p, 1, 1, 4)
	require.True(t, r.Next(2), "it gives the window back, as Poll does")
	require.Equal(t, 2, r.Window(), "no more than asked for")
	requireEvent(t, r, 1, event{1, 2}, 2)

	// Two of the four pins are left at least, or Poll has to move them.
	require.False(t, r.Next(4), "the pins are for Poll to move")
	require.Equal(t, 2, r.Window(), "nothing is done")
	poll(t, r, 4, 1, 0)
	requireEvent(t, r, 0, event{1, 3}, 3)
}

// Where it returns false, it has done nothing.
func TestNextLeavesTheRestToPoll(t *testing.T) {
	lane := newLane(t, geometry(16), 0)
	r, p := newReader(t, lane, 0, 4), newProducer(t, lane)
	r.Join()
	poll(t, r, 4, 0, 0)
	publish(t, p, event{1, 0})
	require.True(t, r.Next(4))

	publishMany(t, p, 1, 1, 40)
	require.False(t, r.Next(4), "it has been overtaken")
	require.Equal(t, 1, r.Window())
	requireEvent(t, r, 0, event{1, 0}, 0)
	n, missed, err := r.Poll(1)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	assert.Positive(t, missed, "what is lost is told by Poll")

	end := r.Position()
	r.StopAt(end)
	require.False(t, r.Next(4), "the lane ends here for it")
	require.Equal(t, 1, r.Window())
	r.StopAt(end + 1)
	require.True(t, r.Next(4))
	require.Equal(t, 1, r.Window())
}

// Has looks at the last event of so many, and at nothing before it.
func TestHas(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, _ uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		require.False(t, r.Has(1))
		publishMany(t, p, 1, 0, 3)
		require.True(t, r.Has(1))
		require.True(t, r.Has(3))
		require.False(t, r.Has(4))
		poll(t, r, 2, 2, 0)
		require.True(t, r.Has(1))
		require.False(t, r.Has(2), "from behind the window on")
		publishMany(t, p, 1, 3, 20)
		require.True(t, r.Has(2), "overwritten counts as well")
	})
}

// A reader knows whether its window ended where the lane did, or for another reason.
func TestCaught(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, _ uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 3)
		poll(t, r, 2, 2, 0)
		assert.False(t, r.Caught(), "it asked for no more")
		poll(t, r, 2, 1, 0)
		assert.True(t, r.Caught())
		poll(t, r, 2, 0, 0)
		publishMany(t, p, 1, 3, 4)
		require.True(t, r.Next(4))
		assert.True(t, r.Caught())
		publishMany(t, p, 1, 4, 5)
		if r.Next(1) {
			assert.False(t, r.Caught(), "nobody looked behind it")
		}
	})
}

// A producer that finds another's event where it remembers a free entry has lost that entry.
func TestLost(t *testing.T) {
	forStarts(t, geometry(16), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, q := newProducer(t, lane), newProducer(t, lane)
		publish(t, p, event{1, 0}) // and remembers the entries of the line
		require.Zero(t, p.Lost())
		require.Equal(t, start+1, p.Next())
		publish(t, q, event{2, 0})
		publish(t, p, event{1, 1})
		lost := uint64(1)
		if (start+1)%8 == 0 { // it is on the next line, which p looks at only now
			lost = 0
		}
		require.Equal(t, lost, p.Lost())
		require.Equal(t, start+3, p.Next())
		publish(t, p, event{1, 2})
		require.Equal(t, lost, p.Lost())
	})
}

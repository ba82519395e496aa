package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

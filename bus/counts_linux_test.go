package bus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Publishers and subscribers of other processes are killed in the middle of a
// flood: what was counted stays, and a kill leaves at most the one event uncounted
// that it fell into.
func TestCountsOfTheKilled(t *testing.T) {
	geo := small()
	geo.Normal.Policy = bus.Lossy
	c := newCrew(t, bus.Options{Geometry: geo})
	last := bus.Counts{}
	const kills = 5
	for n := range uint64(kills) {
		sub, pub := c.subscriber(""), c.start()
		pub.expect("ok", "flood 1")
		sub.tell("drain %d", uint64(1)<<40)
		require.Eventually(t, func() bool {
			total := c.b.Metrics().Total
			return total.Published > last.Published+1000 && total.Delivered > last.Delivered
		}, patience, often)
		pub.kill()
		sub.kill()
		require.NoError(t, c.b.RecoverDead())
		m := c.b.Metrics()
		for name, fell := range map[string]bool{
			"published": m.Total.Published < last.Published, "delivered": m.Total.Delivered < last.Delivered,
			"lost": m.Total.Lost < last.Lost, "wakeups": m.Total.Wakeups < last.Wakeups,
		} {
			assert.False(t, fell, "%s: %+v after %+v", name, m.Total, last)
		}
		last = m.Total
		of := m.Types["bus_test.tick"]
		assert.LessOrEqual(t, of.Published, m.Total.Published)
		assert.GreaterOrEqual(t, of.Published+n+1, m.Total.Published)
		assert.LessOrEqual(t, of.Delivered, m.Total.Delivered)
		assert.GreaterOrEqual(t, of.Delivered+n+1, m.Total.Delivered)
		assert.Empty(t, m.Subscribers, "they have gone")
		assert.Equal(t, 1, m.Participants)
	}
	v, err := bus.Inspect("test", &c.o)
	require.NoError(t, err)
	s, err := v.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, c.b.Metrics(), s.Metrics(), "a viewer counts the same")
	require.NoError(t, v.Close())
}

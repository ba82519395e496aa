package bus_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	// holder has a durable subscription until it is killed.
	roles["holder"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		var o bus.SubscribeOptions
		must(json.Unmarshal([]byte(args[1]), &o))
		_, err = bus.Subscribe[tick](b, &o)
		must(err)
		say("ready")
		s.next()
	}
}

// killHolder leaves behind the durable subscription of a process that is killed.
func killHolder(t *testing.T, c *crew, o bus.SubscribeOptions) {
	t.Helper()
	o.Durable = "billing"
	text, err := json.Marshal(o)
	require.NoError(t, err)
	h := start(t, "holder", c.o, string(text))
	require.Equal(t, "ready", h.hear())
	h.kill()
}

// What a process has stated holds when it is killed, by whoever finds the lane
// full: no other looks for the dead here.
func TestHoldOfAKilledProcess(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	pub := newPub[tick](t, c.b, nil)
	killHolder(t, c, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
	require.Equal(t, capacity, fill(t, pub, 0))
	require.Eventually(t, func() bool {
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrFull)
		return row(t, c.b, "billing", bus.Normal).Hold.Away > 0
	}, patience, often)
	killHolder(t, c, bus.SubscribeOptions{HoldEvents: 10})
	flood(t, pub, capacity, 3*capacity)
	assert.True(t, row(t, c.b, "billing", bus.Normal).Evicted)
	sub := newSub[tick](t, c.b, billing)
	_, err := sub.TryReceive()
	requireLag(t, err, bus.Normal, 2*capacity, 2*capacity, true)
	requireTicks(t, sub, 2*capacity, 3*capacity)
}

// Once somebody has noticed its death, publishers stay within what it may hold
// back.
func TestHoldEventsOfAKilledProcess(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	pub := newPub[tick](t, c.b, nil)
	killHolder(t, c, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock, HoldEvents: 10})
	require.NoError(t, c.b.RecoverDead())
	require.Equal(t, 10, fill(t, pub, 0))
	requireTicks(t, newSub[tick](t, c.b, billing), 0, 10)
}

package bus_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Audit finds nothing in a region where all is in order: in use, with a durable
// subscription that is away and a group, and when all has been given back.
func TestAuditOfWhatIsInOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		require.NoError(t, b.Audit())
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{})
		member := newSub[tick](t, b, &bus.SubscribeOptions{Group: "work"})
		fill(t, pub, 0)
		require.NoError(t, b.Audit())
		requireTicks(t, sub, 0, capacity)
		require.NoError(t, sub.Close())
		require.NoError(t, member.Close())
		require.NoError(t, b.Audit())
	})
}

// What belongs to nobody is found, and named.
func TestAuditFindsWhatBelongsToNobody(t *testing.T) {
	for want, spoil := range map[string]func(b *bus.Bus) func(){
		"port 0 of lane normal/0 belongs to participant 0, which is not there": func(b *bus.Bus) func() { return b.Disown(0) },
		"subscription 0 belongs to participant 0, which is not there":          func(b *bus.Bus) func() { return b.Disown(0) },
		"has a cursor of subscription 0 with 16 pins, which does not read it":  func(b *bus.Bus) func() { return b.Forget(0) },
		"is the draft of participant 5, which is not there":                    func(b *bus.Bus) func() { return b.Draft(0, 5) },
	} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				newSub[tick](t, b, &bus.SubscribeOptions{Window: 16})
				newPub[tick](t, b, nil)
				again := spoil(b)
				defer again()
				err := b.Audit()
				require.ErrorIs(t, err, bus.ErrCorrupt)
				assert.ErrorContains(t, err, want)
			})
		})
	}
}

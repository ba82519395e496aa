//go:build failpoint

package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
)

// Another member takes leases that this one has seen free and is about to take:
// each lane has one member, and each event comes once.
func TestALeaseIsTakenByAnotherFirst(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		require.NoError(t, member(t, b, "founder").Close()) // leaves all lanes free
		const keys, each = 40, 3
		require.NoError(t, publishKeys(newPub[tick](t, b, nil), keys, 0, each))
		var other *bus.Subscriber[tick]
		failpoint.Set(func(s failpoint.Step) {
			if s == "group/claim-lease" {
				failpoint.Set(nil)
				other = member(t, b, "other")
			}
		})
		defer failpoint.Set(nil)
		one := member(t, b, "one")
		require.NotNil(t, other, "nobody came to the step")
		l := newLedger()
		deadline := time.Now().Add(patience)
		for total := 0; total < keys*each; total, _ = l.count() {
			require.True(t, time.Now().Before(deadline), "has %d", total)
			for _, m := range []*bus.Subscriber[tick]{one, other} {
				msg, err := m.TryReceive()
				if errors.Is(err, bus.ErrEmpty) {
					continue
				}
				require.NoError(t, err)
				l.note(msg.Key, msg.Value.Seq)
			}
		}
		l.check(t, keys, each)
		_, twice := l.count()
		require.Zero(t, twice)
		require.NoError(t, one.Close())
		require.NoError(t, other.Close())
		require.NoError(t, b.RemoveGroup("work"))
	})
}

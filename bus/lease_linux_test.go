package bus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A member dies with all lanes of its group and with what was published there
// while it stood still: the leases are free, none is lost, and the next member
// receives every event once.
func TestLeaseOfTheDead(t *testing.T) {
	s := newSquad(t, "view", bus.Options{Geometry: sharded()})
	c := s.join()
	settled(t, s.b, map[string]int{"worker": shards})
	c.freeze()
	const keys, each = 16, 4
	require.NoError(t, publishKeys(newPub[tick](t, s.b, nil), keys, 0, each))
	s.kill(c)
	require.NoError(t, s.b.RecoverDead())

	snap, err := s.b.Snapshot()
	require.NoError(t, err)
	require.Len(t, snap.Groups, 1)
	g := snap.Groups[0]
	require.Empty(t, g.Members)
	require.Equal(t, shards, g.Lanes)
	require.Len(t, g.Free, shards)
	require.Equal(t, uint64(keys*each), g.Depth)

	heir := newSub[tick](t, s.b, work)
	l := newLedger()
	for range keys * each {
		m, err := heir.ReceiveTimeout(patience)
		require.NoError(t, err)
		l.note(m.Key, m.Value.Seq)
	}
	requireEmpty(t, heir)
	l.check(t, keys, each)
	require.NoError(t, heir.Close())
	require.NoError(t, s.b.RemoveGroup("work"))
}

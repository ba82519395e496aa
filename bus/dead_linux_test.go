package bus_test

import (
	"errors"
	"fmt"
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

// A process dies with a durable subscription: its cursor stays where it was, and
// the next process goes on with the very next event.
func TestDurableOfTheDead(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	pub := newPub[tick](t, c.b, nil)
	sub := c.subscriber("billing")
	publishTicks(t, pub, 0, 10)
	sub.tell("receive 4")
	for seq := range 5 {
		require.Equal(t, fmt.Sprint(seq), sub.hear())
	}
	sub.kill()
	require.NoError(t, c.b.RecoverDead())
	info := row(t, c.b, "actor", bus.Normal)
	require.Equal(t, -1, info.Participant)
	require.True(t, info.Gated)
	require.Equal(t, uint64(4), info.Cursor, "event 4 was handed out and not finished")
	heir := newSub[tick](t, c.b, billing)
	requireTicks(t, heir, 4, 10)
	require.NoError(t, heir.Remove())
}

// Whoever must be heard looks for the dead itself: here nobody else does, for an
// hour.
func TestRequireSubscriberLooksForTheDead(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	pub := newPub[tick](t, c.b, required)
	loan, err := pub.Loan()
	require.NoError(t, err)
	defer loan.Discard() // nothing is published, or a full lane would lead to the dead
	sub := c.subscriber("")
	require.NoError(t, loan.Heard())
	sub.kill()
	require.Eventually(t, func() bool { return errors.Is(loan.Heard(), bus.ErrNoSubscriber) }, patience, often)
	h, err := c.b.Held()
	require.NoError(t, err)
	require.Equal(t, bus.Held{Participants: 1, Ports: 1}, h, "it has recovered the dead")
}

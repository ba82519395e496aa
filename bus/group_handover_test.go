package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A member that leaves, or has to let go, keeps a lane until what it has out of
// that lane is acked; the others go on meanwhile.
func TestGroupHandsOverWhatIsFinished(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		a := member(t, b, "a")
		require.NoError(t, publishKeys(pub, 40, 0, 1))
		out := map[int][]bus.TypedDelivery[tick]{}
		for range 5 { // the window of one lane, and one of the other
			d := take(t, a)
			shard := d.Event().Header().Shard
			out[shard] = append(out[shard], d)
		}
		require.Len(t, out[1], 1)
		c := member(t, b, "c")
		requireNothingToTake(t, a) // looks at the group, and takes no more of one lane
		require.Equal(t, map[string]int{"a": 2, "c": 0}, leases(t, b), "both lanes have something out")
		requireEmpty(t, c)
		out[1][0].Ack()
		require.Equal(t, map[string]int{"a": 1, "c": 0}, leases(t, b), "the Ack lets go")
		m, err := c.TryReceive()
		require.NoError(t, err)
		require.Equal(t, 1, m.Shard)
		require.NoError(t, a.Close())
		for _, d := range out[0] {
			require.Equal(t, map[string]int{"a": 1, "c": 1}, leases(t, b))
			d.Ack()
		}
		got := map[uint64]bool{m.Key: true}
		for m, err = c.TryReceive(); err == nil; m, err = c.TryReceive() {
			require.False(t, got[m.Key], "none comes twice")
			got[m.Key] = true
		}
		require.ErrorIs(t, err, bus.ErrEmpty)
		assert.Len(t, got, 40-5)
		require.Equal(t, map[string]int{"c": 2}, leases(t, b))
	})
}

// A copy that a member did not finish before it was closed comes again to
// another, and what a callback returned from does not.
func TestGroupAtLeastOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		a, c := member(t, b, "a"), member(t, b, "c")
		publishTicks(t, pub, 0, 4)
		m, err := a.TryReceive()
		require.NoError(t, err)
		require.Zero(t, m.Value.Seq)
		require.NoError(t, a.Close())
		require.NoError(t, c.View(background(), func(v *tick, _ *bus.Event) error {
			require.Zero(t, v.Seq, "again")
			return nil
		}))
		require.NoError(t, c.Close())
		requireTicks(t, member(t, b, "d"), 1, 4)
	})
}

// A member that is closed while one of its lanes is to be let go, with copies of it out,
// lets go of all.
func TestGroupForgetsALaneThatLeaves(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		var c *bus.Subscriber[tick]
		var seen int
		o := *work
		o.Filter = bus.Match(func(*bus.Event) bool {
			if seen++; seen == 2 {
				c = newSub[tick](t, b, &o) // with one event of each lane copied
			}
			return true
		})
		o.Name = "a"
		a := newSub[tick](t, b, &o)
		o.Name = "c"
		require.NoError(t, publishKeys(newPub[tick](t, b, nil), 2, 0, 1))
		n, err := a.ReceiveBatch(background(), make([]bus.Message[tick], 4))
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.NoError(t, a.Close())
		for range 2 {
			_, err := c.ReceiveTimeout(patience)
			require.NoError(t, err)
		}
		require.Equal(t, map[string]int{"c": 2}, leases(t, b))
	})
}

// A bus that drains does not keep a lane of a member that is closed, and waits for its
// last Ack.
func TestDrainKeepsNoLaneOfAClosedMember(t *testing.T) {
	dir := t.TempDir()
	b, other := open(t, dir, bus.Options{Geometry: small()}), open(t, dir, bus.Options{Geometry: small()})
	a := member(t, b, "a")
	publishTicks(t, newPub[tick](t, other, nil), 0, 2)
	d := take(t, a)
	require.NoError(t, a.Close())
	ended, cancel := context.WithCancel(background())
	cancel()
	require.ErrorIs(t, b.Drain(ended), context.Canceled)
	d.Ack()
	require.NoError(t, b.Drain(background()))
	c := member(t, other, "c")
	m, err := c.ReceiveTimeout(patience)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), m.Value.Seq)
}

// A lane that is to be let go is kept when that is due no longer, and goes on.
func TestGroupKeepsALaneAfterAll(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		a := member(t, b, "a")
		require.NoError(t, publishKeys(pub, 40, 0, 1))
		out := map[int]bus.TypedDelivery[tick]{}
		for len(out) < 2 {
			d := take(t, a)
			if shard := d.Event().Header().Shard; out[shard] == (bus.TypedDelivery[tick]{}) {
				out[shard] = d
			} else {
				defer d.Ack()
			}
		}
		c := member(t, b, "c")
		_, _ = a.TryTake() // one lane is to be let go
		requireNothingToTake(t, c)
		require.NoError(t, c.Close())
		require.Equal(t, map[string]int{"a": 2}, leases(t, b))
		got := 0
		for _, d := range out {
			d.Ack()
		}
		for d, err := a.TryTake(); err == nil; d, err = a.TryTake() {
			d.Ack()
			got++
		}
		assert.Positive(t, got)
		assert.Equal(t, map[string]int{"a": 2}, leases(t, b))
	})
}

// A lane whose work takes long does not keep a member from its share, where
// another lane can go in its place.
func TestGroupLetsAnotherLaneGo(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo, RecoverEvery: 10 * time.Millisecond}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		a := member(t, b, "a")
		require.NoError(t, publishKeys(pub, 40, 0, 1))
		out := map[int][]bus.TypedDelivery[tick]{}
		for len(out) < 2 {
			d := take(t, a)
			out[d.Event().Header().Shard] = append(out[d.Event().Header().Shard], d)
		}
		require.Len(t, out[1], 1, "least is out of that lane: it is to be let go")
		c := member(t, b, "c")
		requireNothingToTake(t, a)
		for _, d := range out[0] {
			d.Ack()
		}
		require.Eventually(t, func() bool {
			for _, m := range []*bus.Subscriber[tick]{a, c} {
				if d, err := m.TryTake(); err == nil {
					d.Ack()
				}
			}
			return leases(t, b)["c"] == 1
		}, patience, often)
		s, err := b.Snapshot()
		require.NoError(t, err)
		for _, m := range s.Groups[0].Members {
			want := map[string]int{"a": 1, "c": 0}[m.Name]
			assert.Equal(t, []bus.LaneID{{Priority: bus.Normal, Shard: want}}, m.Lanes, m.Name)
		}
		d := take(t, a) // goes on with the lane that it keeps
		assert.Equal(t, 1, d.Event().Header().Shard)
		d.Ack()
		out[1][0].Ack()
	})
}

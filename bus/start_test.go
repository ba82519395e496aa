package bus_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func startAt(position uint64) *bus.SubscribeOptions {
	return &bus.SubscribeOptions{Start: bus.StartPosition, Position: position}
}

// Positions and sequence numbers are the same here: a subscription gets the event
// of the position that it asked for, or is told exactly how many have gone.
func TestStartPosition(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		publishTicks(t, f.normal, 0, 10)
		for _, at := range []int{0, 7, 10} {
			sub := newSub[tick](t, b, startAt(uint64(at)))
			requireTicks(t, sub, at, 10)
			assert.Zero(t, sub.Stats().Missed)
			require.NoError(t, sub.Close())
		}

		publishTicks(t, f.normal, 10, 3*capacity)
		publishCrumbs(t, f.low, 0, 3*capacity)
		const at, oldest = 5, 2 * capacity
		sub := newSub[tick](t, b, startAt(at))
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, oldest-at, oldest, false)
		requireTicks(t, sub, oldest, 3*capacity)
		assert.Equal(t, bus.SubscriberStats{Received: capacity, Missed: oldest - at}, awake(sub.Stats()))

		lossy := newSub[crumb](t, b, startAt(at))
		_, err = lossy.TryReceive()
		requireLag(t, err, bus.Low, oldest-at, oldest, false)
		for i := uint64(oldest); i < 3*capacity; i++ {
			m, err := lossy.TryReceive()
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
			require.Equal(t, bus.LaneID{Priority: bus.Low}, m.LaneID())
		}
		requireEmpty(t, lossy)
	})
}

// What is overwritten before the first receive call belongs to the same gap.
func TestStartPositionOvertakenBeforeItReads(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[crumb](t, b, nil)
		publishCrumbs(t, pub, 0, 3*capacity)
		sub := newSub[crumb](t, b, startAt(5))
		publishCrumbs(t, pub, 3*capacity, 7*capacity)
		_, err := sub.TryReceive()
		const resumed = 6*capacity + capacity/8
		requireLag(t, err, bus.Low, resumed-5, resumed, false)
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(resumed), m.Value.Seq)
	})
}

// From its position on it holds a reliable lane like any other.
func TestStartPositionHoldsTheLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 2*capacity)
		sub := newSub[tick](t, b, startAt(2*capacity-10))
		require.Equal(t, 3*capacity-10, fill(t, pub, 2*capacity))
		requireTicks(t, sub, 2*capacity-10, 3*capacity-10)
	})
}

// Several lanes, each from a position of its own; a snapshot says what to begin
// with.
func TestStartPositions(t *testing.T) {
	geo := small()
	geo.High.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		alarms, calls, ticks := newPub[alarm](t, b, nil), newPub[call](t, b, nil), newPub[tick](t, b, nil)
		publish := func(from, to int) {
			for i := from; i < to; i++ {
				require.NoError(t, alarms.TryPublish(&alarm{uint64(i)}))
				for key := range 2 {
					require.NoError(t, calls.TryPublishWith(&call{uint64(i)}, bus.With{Key: uint64(key)}))
				}
			}
			publishTicks(t, ticks, from, to)
		}
		publish(0, 5)
		s, err := b.Snapshot()
		require.NoError(t, err)
		at := map[bus.LaneID]uint64{}
		for _, l := range s.Lanes {
			at[l.ID()] = l.Tail
		}
		require.Len(t, at, 5)
		publish(5, 9)
		at[bus.LaneID{Priority: bus.High, Shard: 1}] = 2

		text, err := json.Marshal(at) // as a program would keep it
		require.NoError(t, err)
		require.Contains(t, string(text), `"high/1":2`)
		at = nil
		require.NoError(t, json.Unmarshal(text, &at))

		sub, err := b.Subscribe(&bus.SubscribeOptions{
			Start: bus.StartPosition, Positions: at, Priorities: []bus.Priority{bus.Critical, bus.High},
		})
		require.NoError(t, err)
		next := map[bus.LaneID]uint64{}
		for _, id := range []bus.LaneID{{Priority: bus.Critical}, {Priority: bus.High}, {Priority: bus.High, Shard: 1}} {
			next[id] = at[id]
		}
		for range 4 + 4 + 7 {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, next[m.LaneID()], m.Position)
			next[m.LaneID()]++
		}
		_, err = sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		for id, pos := range next {
			assert.Equal(t, uint64(9), pos, id)
		}
	})
}

func TestStartPositionIsChecked(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		publishTicks(t, newPub[tick](t, b, nil), 0, 10)
		normal := []bus.Priority{bus.Normal}
		for want, o := range map[string]bus.SubscribeOptions{
			"next event will be 10": {Start: bus.StartPosition, Position: 11, Priorities: normal},
			"another region":        {Start: bus.StartPosition, Position: 1 << 63, Priorities: normal},
			"use Positions":         {Start: bus.StartPosition, Position: 1},
			"none for lane normal/0": {Start: bus.StartPosition, Priorities: normal,
				Positions: map[bus.LaneID]uint64{{Priority: bus.High}: 0}},
			"names lane normal/1": {Start: bus.StartPosition, Priorities: normal,
				Positions: map[bus.LaneID]uint64{{Priority: bus.Normal}: 0, {Priority: bus.Normal, Shard: 1}: 0}},
			"both": {Start: bus.StartPosition, Priorities: normal, Position: 1,
				Positions: map[bus.LaneID]uint64{{Priority: bus.Normal}: 0}},
			"for Start: StartPosition": {Position: 3, Priorities: normal},
			"are for Start":            {Start: bus.StartOldest, Positions: map[bus.LaneID]uint64{}},
			"OnLag is 2":               {OnLag: 2},
			"Start is 3":               {Start: 3},
		} {
			_, err := b.Subscribe(&o)
			assert.ErrorIs(t, err, bus.ErrOptions, want)
			assert.ErrorContains(t, err, want)
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1, Ports: 1}, h)
	})
}

func TestLaneIDAsText(t *testing.T) {
	for _, text := range []string{"", "normal", "normal/", "normal/x", "normal/-1", "loud/0"} {
		var id bus.LaneID
		assert.ErrorIs(t, id.UnmarshalText([]byte(text)), bus.ErrOptions, text)
	}
	var id bus.LaneID
	require.NoError(t, id.UnmarshalText([]byte("critical/3")))
	assert.Equal(t, bus.LaneID{Priority: bus.Critical, Shard: 3}, id)
}

// A durable subscription begins at the position once; then it goes on where it
// was. What its first process did not come to tell, the next one does.
func TestStartPositionOfADurable(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 2*capacity)
		o := startAt(10)
		o.Durable = "billing"
		require.NoError(t, newSub[tick](t, b, o).Close())
		sub := newSub[tick](t, b, o)
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, capacity-10, capacity, false)
		requireTicks(t, sub, capacity, 2*capacity)
		require.NoError(t, sub.Close())
		o.Position = 2 * capacity
		publishTicks(t, pub, 2*capacity, 2*capacity+5)
		sub = newSub[tick](t, b, o)
		requireTicks(t, sub, 2*capacity, 2*capacity+5)
		assert.Equal(t, uint64(capacity-10), sub.Stats().Missed)
	})
}

// On a lossy lane, and after an eviction on a reliable one, a subscription that
// prefers the newest counts all up to the tail, and goes on from there.
func TestOnLagResumeNewest(t *testing.T) {
	newest := &bus.SubscribeOptions{Name: "newest", OnLag: bus.ResumeNewest}
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		crumbs, lossy := newPub[crumb](t, b, nil), newSub[crumb](t, b, newest)
		publishCrumbs(t, crumbs, 0, 3*capacity)
		_, err := lossy.TryReceive()
		requireLag(t, err, bus.Low, 3*capacity, 3*capacity, false)
		requireEmpty(t, lossy)
		publishCrumbs(t, crumbs, 3*capacity, 3*capacity+1)
		m, err := lossy.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(3*capacity), m.Value.Seq)
		requireEmpty(t, lossy)
		assert.Equal(t, bus.SubscriberStats{Received: 1, Missed: 3 * capacity}, awake(lossy.Stats()))

		ticks, still := newPub[tick](t, b, nil), newSub[tick](t, b, newest)
		for i := range 3 * capacity {
			require.NoError(t, ticks.Publish(background(), &tick{Seq: uint64(i)}))
		}
		_, err = still.TryReceive()
		requireLag(t, err, bus.Normal, 3*capacity, 3*capacity, true)
		assert.Equal(t, bus.SubscriberStats{Missed: 3 * capacity, Evictions: 1}, awake(still.Stats()))
		assert.True(t, row(t, b, "newest", bus.Normal).Gated, "who goes on is waited for again")
		publishTicks(t, ticks, 3*capacity, 4*capacity)
		requireTicks(t, still, 3*capacity, 4*capacity)
	})
}

// A durable subscription that was evicted while nobody had it: whoever takes it
// over says where it goes on.
func TestOnLagOfADurable(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		o := &bus.SubscribeOptions{Durable: "billing", OnLag: bus.ResumeNewest}
		require.NoError(t, newSub[tick](t, b, o).Close())
		publishTicks(t, pub, 0, 10)
		sub := newSub[tick](t, b, o)
		requireTicks(t, sub, 0, 10) // nothing has gone: nothing is skipped
		require.NoError(t, sub.Close())
		for i := 10; i < 3*capacity; i++ {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		sub = newSub[tick](t, b, o)
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, 3*capacity-10, 3*capacity, true)
		publishTicks(t, pub, 3*capacity, 4*capacity)
		requireTicks(t, sub, 3*capacity, 4*capacity)
	})
}

package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// leave makes a durable subscription that no process has.
func leave(t testing.TB, b *bus.Bus, o bus.SubscribeOptions) {
	t.Helper()
	o.Durable = "billing"
	require.NoError(t, newSub[tick](t, b, &o).Close())
}

// flood publishes ticks [from, to), and waits for room.
func flood(t testing.TB, p *bus.Publisher[tick], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, p.Publish(background(), &tick{Seq: uint64(i)}))
	}
}

// outlast publishes until the lane's EvictAfter has taken the gate from a
// subscription that stands still, which it does for at least as long as billing
// has held the lane back.
func outlast(t testing.TB, b *bus.Bus, p *bus.Publisher[tick]) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.ErrorIs(t, p.TryPublish(&tick{}), bus.ErrFull)
		return row(t, b, "still", bus.Normal).Evicted
	}, patience, often)
}

// With HoldBlock publishers wait for it longer than for anybody else.
func TestHoldBlock(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		require.Equal(t, capacity, fill(t, pub, 0))
		outlast(t, b, pub)
		assert.True(t, row(t, b, "billing", bus.Normal).Gated)
		sub := newSub[tick](t, b, billing)
		requireTicks(t, sub, 0, capacity)
		assert.Zero(t, sub.Stats().Evictions)
	})
}

// They go on when a process has it again and reads, and it misses nothing.
func TestHoldBlockEnds(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		done := async(func() error {
			for i := range 4 * capacity {
				if err := pub.Publish(background(), &tick{Seq: uint64(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		require.Eventually(t, func() bool { return pub.Stats().Full > 0 }, patience, often)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing", HoldPolicy: bus.HoldBlock})
		for i := range 4 * capacity {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, result(t, done))
		assert.Zero(t, sub.Stats().Missed)
	})
}

// HoldBlock is for who is away: one that a live process has, and that stands
// still, is evicted like any other.
func TestHoldBlockOfALiveProcess(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing", HoldPolicy: bus.HoldBlock})
		flood(t, newPub[tick](t, b, nil), 0, 3*capacity)
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, 2*capacity, 2*capacity, true)
	})
}

// RemoveDurable lets publishers go on that wait for who does not come back.
func TestHoldBlockForgotten(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		from := fill(t, pub, 0)
		done := async(func() error { return pub.Publish(background(), &tick{Seq: uint64(from)}) })
		require.NoError(t, b.RemoveDurable("billing"))
		require.NoError(t, result(t, done))
	})
}

// HoldEvents is exact: with HoldBlock publishers are refused behind so many, and
// have their lap again once a process has it.
func TestHoldEventsBlock(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 5) // has looked, and believes in a lap
		const events = 10
		o := bus.SubscribeOptions{HoldPolicy: bus.HoldBlock, HoldEvents: events}
		leave(t, b, o)
		require.Equal(t, 5+events, fill(t, pub, 5))
		o.Durable = "billing"
		sub := newSub[tick](t, b, &o)
		require.Equal(t, 5+capacity, fill(t, pub, 5+events))
		requireTicks(t, sub, 5, 5+capacity)
		require.NoError(t, sub.Close())
		require.Equal(t, 5+capacity+events, fill(t, pub, 5+capacity))
	})
}

// With HoldEvict publishers are never refused because of it: behind so many
// events it has no hold any more. It gets what is still there.
func TestHoldEventsEvict(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		const events = 10
		leave(t, b, bus.SubscribeOptions{HoldEvents: events})
		publishTicks(t, pub, 0, events)
		assert.True(t, row(t, b, "billing", bus.Normal).Gated)
		publishTicks(t, pub, events, events+1)
		assert.True(t, row(t, b, "billing", bus.Normal).Evicted)
		publishTicks(t, pub, events+1, capacity)

		o := &bus.SubscribeOptions{Durable: "billing", HoldEvents: events}
		sub := newSub[tick](t, b, o)
		requireTicks(t, sub, 0, capacity)
		assert.Equal(t, bus.SubscriberStats{Received: capacity, Evictions: 1}, awake(sub.Stats()))
		require.NoError(t, sub.Close())

		flood(t, pub, capacity, 5*capacity)
		sub = newSub[tick](t, b, o)
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, 3*capacity, 4*capacity, true)
		requireTicks(t, sub, 4*capacity, 5*capacity)
		assert.Equal(t, bus.SubscriberStats{Received: 2 * capacity, Missed: 3 * capacity, Evictions: 2}, awake(sub.Stats()))
	})
}

// HoldFor is a bound of its own, shorter than the lane's ...
func TestHoldForIsOver(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) { // nobody else is ever evicted
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{HoldFor: time.Nanosecond})
		publishTicks(t, pub, 0, capacity)
		assert.True(t, row(t, b, "billing", bus.Normal).Gated, "nobody has needed the room")
		flood(t, pub, capacity, 2*capacity+7)
		assert.True(t, row(t, b, "billing", bus.Normal).Evicted)
		sub := newSub[tick](t, b, billing)
		_, err := sub.TryReceive()
		requireLag(t, err, bus.Normal, capacity+7, capacity+7, true)
		requireTicks(t, sub, capacity+7, 2*capacity+7)
	})
}

// ... or longer.
func TestHoldForOutlastsEvictAfter(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
		leave(t, b, bus.SubscribeOptions{HoldFor: time.Hour})
		require.Equal(t, capacity, fill(t, pub, 0))
		outlast(t, b, pub)
		assert.True(t, row(t, b, "billing", bus.Normal).Gated)
		requireTicks(t, newSub[tick](t, b, billing), 0, capacity)
	})
}

// Whoever has it last says what holds.
func TestHoldIsStatedAnew(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock, HoldEvents: 5})
		require.Equal(t, 5, fill(t, pub, 0))
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock, HoldEvents: 20})
		require.Equal(t, 20, fill(t, pub, 5))
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		require.Equal(t, capacity, fill(t, pub, 20))
		leave(t, b, bus.SubscribeOptions{HoldFor: time.Nanosecond})
		flood(t, pub, capacity, 2*capacity)
		assert.True(t, row(t, b, "billing", bus.Normal).Evicted)
	})
}

// Each lane is counted by itself, and lossy ones know of no hold.
func TestHoldOfEachLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		o := &bus.SubscribeOptions{Durable: "billing", HoldPolicy: bus.HoldBlock, HoldEvents: 3}
		s, err := b.Subscribe(o)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		for range 3 {
			f.publish(t, bus.Critical, bus.High, bus.Normal, bus.Low)
		}
		require.ErrorIs(t, f.normal.TryPublish(&tick{}), bus.ErrFull)
		publishCrumbs(t, f.low, 3, 3*capacity)
		assert.False(t, row(t, b, "billing", bus.Low).Gated)
		s, err = b.Subscribe(o)
		require.NoError(t, err)
		for range 9 {
			m, err := s.TryReceive()
			require.NoError(t, err)
			require.NotEqual(t, bus.Low, m.Priority)
		}
		_, err = s.TryReceive()
		require.ErrorIs(t, err, bus.ErrLag)
	})
}

func TestHoldIsShown(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing", HoldEvents: 7, HoldFor: 1500 * time.Nanosecond})
		assert.Equal(t, &bus.HoldInfo{Policy: "evict", Events: 7, For: 2 * time.Microsecond}, row(t, b, "billing", bus.Normal).Hold)
		require.NoError(t, sub.Close())
		away := row(t, b, "billing", bus.Normal).Hold.Away
		assert.Positive(t, away)
		require.Eventually(t, func() bool { return row(t, b, "billing", bus.Normal).Hold.Away > away }, patience, often)
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		assert.Equal(t, "block", row(t, b, "billing", bus.Normal).Hold.Policy)
		newSub[tick](t, b, &bus.SubscribeOptions{Name: "plain"})
		assert.Nil(t, row(t, b, "plain", bus.Normal).Hold)
	})
}

func TestHoldIsChecked(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for want, o := range map[string]bus.SubscribeOptions{
			"for a Durable":        {HoldEvents: 1},
			"Durable subscription": {HoldFor: 1},
			"are for a":            {HoldPolicy: bus.HoldBlock},
			"not be negative":      {Durable: "x", HoldFor: -1},
			"HoldPolicy is 2":      {Durable: "x", HoldPolicy: 2},
			"use HoldEvict":        {Durable: "x", HoldPolicy: bus.HoldBlock, HoldFor: 1},
		} {
			_, err := b.Subscribe(&o)
			assert.ErrorIs(t, err, bus.ErrOptions)
			assert.ErrorContains(t, err, want)
		}
	})
}

// A publish that must not wait goes on at once behind one that is to be evicted,
// and one that may wait gives up with its context while one blocks.
func TestHoldAndContexts(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{HoldPolicy: bus.HoldBlock})
		fill(t, pub, 0)
		ctx, cancel := context.WithTimeout(background(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, pub.Publish(ctx, &tick{}), context.DeadlineExceeded)
		require.NoError(t, b.RemoveDurable("billing"))
		publishTicks(t, pub, 0, 2*capacity)
	})
}

// Whoever takes over a subscription that publishers have waited for, as it had
// said, has as long as anybody to move.
func TestHeldBackTimeDoesNotCountAsStandingStill(t *testing.T) {
	for name, o := range map[string]bus.SubscribeOptions{
		"HoldFor":   {HoldFor: time.Hour},
		"HoldBlock": {HoldPolicy: bus.HoldBlock},
	} {
		t.Run(name, func(t *testing.T) {
			geo := small()
			geo.Normal.EvictAfter = time.Minute
			eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
				look := func(now int64) bool {
					made, err := b.LookAtGates(bus.Normal, now)
					require.NoError(t, err)
					return made
				}
				leave(t, b, o)
				fill(t, newPub[tick](t, b, nil), 0)
				now := bus.Now() + int64(time.Second)
				require.False(t, look(now))
				now += int64(30 * time.Minute)
				require.False(t, look(now), "it is waited for")
				sub := newSub[tick](t, b, billing)
				now += int64(time.Second)
				require.False(t, look(now), "it has just come back")
				now += int64(59 * time.Second)
				require.False(t, look(now))
				now += int64(time.Second)
				require.True(t, look(now), "it has not moved for as long as the lane allows")
				requireTicks(t, sub, 0, capacity)
				assert.Equal(t, uint64(1), sub.Stats().Evictions)
			})
		})
	}
}

// Processes that fail to take a subscription over do not begin HoldFor anew.
func TestHoldForEndsThoughOthersFail(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := bus.SubscribeOptions{Durable: "d", Priorities: []bus.Priority{bus.High, bus.Normal}, HoldFor: 200 * time.Millisecond}
		s, err := b.Subscribe(&o)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		p := newPub[tick](t, b, nil)
		fill(t, p, 0)
		published := async(func() error { return p.Publish(background(), &tick{}) })
		require.Eventually(t, func() bool {
			_, err := b.Subscribe(&bus.SubscribeOptions{Durable: "d", Priorities: []bus.Priority{bus.Normal}})
			require.ErrorIs(t, err, bus.ErrOptions)
			return len(published) > 0
		}, patience, often)
		require.NoError(t, result(t, published))
	})
}

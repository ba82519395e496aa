package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

var billing = &bus.SubscribeOptions{Durable: "billing"}

func TestDurableGoesOnWhereItWas(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 3)
		sub := newSub[tick](t, b, billing)
		requireEmpty(t, sub)
		require.NoError(t, sub.Close())
		for from := 3; from < 200; from += 20 {
			publishTicks(t, pub, from, from+20) // while it is away
			sub = newSub[tick](t, b, billing)
			for i := from; i < from+20; i++ {
				_, err := sub.TryViewBatch(1, func(v *tick, _ *bus.Event) error {
					assert.Equal(t, uint64(i), v.Seq)
					return nil
				})
				require.NoError(t, err)
				if i == from+10 {
					require.NoError(t, sub.Close()) // in the middle of a window
					sub = newSub[tick](t, b, billing)
				}
			}
			require.NoError(t, sub.Close())
		}
		sub = newSub[tick](t, b, billing)
		requireEmpty(t, sub)
		assert.Equal(t, uint64(200), sub.Stats().Received, "over all its lives")
		assert.Equal(t, "billing", row(t, b, "billing", bus.Normal).Durable)
	})
}

// While a durable subscription is away a reliable lane keeps what it has not
// read, and does not take more.
func TestDurableHoldsTheLaneWhileAway(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		require.NoError(t, newSub[tick](t, b, billing).Close())
		require.Equal(t, capacity, fill(t, pub, 0))
		info := row(t, b, "billing", bus.Normal)
		assert.True(t, info.Gated)
		assert.Equal(t, -1, info.Participant)
		assert.False(t, info.Alive)
		assert.Equal(t, uint64(capacity), info.Depth)
		sub := newSub[tick](t, b, billing)
		requireTicks(t, sub, 0, capacity)
		require.NoError(t, sub.Remove())
	})
}

// The policy of the lane holds for it too: after EvictAfter publishers go on, and
// it learns what it missed when it comes back.
func TestDurableEvictedWhileAway(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		require.NoError(t, newSub[tick](t, b, billing).Close())
		const events = 3 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		assert.True(t, row(t, b, "billing", bus.Normal).Evicted)
		sub := newSub[tick](t, b, billing)
		_, err := sub.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Normal, lag.Missed, lag.Missed, true)
		requireTicks(t, sub, int(lag.Missed), events)
		assert.Equal(t, lag.Missed, sub.Stats().Missed)
	})
}

// What a callback did not finish before the process went is received again.
func TestDurableAtLeastOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, billing)
		publishTicks(t, pub, 0, 10)
		for i := range 4 {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		// Event 3 is handed out and not finished: a process that died here would
		// get it again. The cursor says so.
		assert.Equal(t, uint64(3), row(t, b, "billing", bus.Normal).Cursor)
		m, err := sub.TryReceive()
		require.NoError(t, err)
		require.Equal(t, uint64(4), m.Value.Seq)
		assert.Equal(t, uint64(4), row(t, b, "billing", bus.Normal).Cursor)
		// Close does not finish it either: whoever has the copy may be at work
		// on it.
		require.NoError(t, sub.Close())
		sub = newSub[tick](t, b, billing)
		requireTicks(t, sub, 4, 10) // asks once more, and so finishes the last
		require.NoError(t, sub.Close())
		requireEmpty(t, newSub[tick](t, b, billing))
	})
}

// What a callback had is finished when that has returned, also if nothing is ever
// received again.
func TestDurableFinishesWithTheCallback(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		cursor := func() uint64 { return row(t, b, "billing", bus.Normal).Cursor }
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, billing)
		publishTicks(t, pub, 0, 10)
		view := func(v *tick, e *bus.Event) error {
			assert.LessOrEqual(t, cursor(), v.Seq, "not before")
			return nil
		}
		require.NoError(t, sub.View(background(), view))
		assert.Equal(t, uint64(1), cursor())
		n, err := sub.TryViewBatch(4, view)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		assert.Equal(t, uint64(5), cursor())
		d, err := sub.TryTake() // from here on it keeps acks
		require.NoError(t, err)
		d.Ack()
		require.NoError(t, sub.View(background(), view))
		assert.Equal(t, uint64(7), cursor())
	})
}

// A process that dies with a batch of copies in its hands gets all of them again.
func TestDurableFinishesNoBatchOfCopies(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		o := &bus.SubscribeOptions{Durable: "billing", Window: 4}
		for _, acks := range []bool{false, true} {
			sub, err := b.Subscribe(o)
			require.NoError(t, err)
			if acks {
				f.publish(t, bus.Normal)
				d, err := sub.TryTake()
				require.NoError(t, err)
				d.Ack()
			}
			for range 6 {
				f.publish(t, bus.Critical, bus.High, bus.Normal, bus.Low)
			}
			batch := func() (got []string) {
				dst := make([]bus.RawMessage, 64)
				n, err := sub.TryReceiveBatch(dst)
				require.NoError(t, err)
				for _, m := range dst[:n] {
					got = append(got, fmt.Sprint(m.LaneID(), " ", m.Position))
				}
				return got
			}
			require.GreaterOrEqual(t, len(batch()), 4)
			require.NoError(t, sub.Close()) // or the process dies
			sub, err = b.Subscribe(o)
			require.NoError(t, err)
			seen := map[string]bool{}
			if acks {
				d, err := sub.TryTake()
				require.NoError(t, err)
				seen[fmt.Sprint(d.Event().Header().LaneID(), " ", d.Event().Header().Position)] = true
				d.Ack()
			}
			for len(seen) < 24 {
				for _, e := range batch() {
					require.False(t, seen[e], e)
					seen[e] = true
				}
			}
			_, err = sub.TryReceive()
			require.ErrorIs(t, err, bus.ErrEmpty)
			require.NoError(t, sub.Close())
		}
	})
}

func TestDurableFinishesNoBatchOfAStaticRing(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		o := &bus.SubscribeOptions{Durable: "billing", Window: 4}
		pub, sub := staticPub(t, r), staticSub(t, r, o)
		putTicks(t, pub, 0, 10)
		n, err := sub.TryReceiveBatch(make([]tick, 64))
		require.NoError(t, err)
		require.Equal(t, 4, n, "no more than its window")
		require.NoError(t, sub.Close())
		sub = staticSub(t, r, o)
		n, err = sub.TryViewBatch(3, func(*tick) error { return nil })
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.NoError(t, sub.Close())
		requireStatic(t, staticSub(t, r, o), 3, 10)
	})
}

func TestDurableBelongsToOne(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		sub := newSub[tick](t, b, billing)
		_, err := bus.Subscribe[tick](b, billing)
		require.ErrorIs(t, err, bus.ErrInUse)
		assert.ErrorContains(t, err, "billing")
		newSub[tick](t, b, &bus.SubscribeOptions{Durable: "archive"})
		require.NoError(t, sub.Close())
		newSub[tick](t, b, billing)
		_, err = bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: strings.Repeat("x", 64)})
		assert.ErrorIs(t, err, bus.ErrOptions)
	})
}

func TestDurableRemoveForgets(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		before, err := b.Held()
		require.NoError(t, err)
		sub := newSub[tick](t, b, billing)
		require.NoError(t, sub.Remove())
		require.NoError(t, sub.Remove())
		publishTicks(t, pub, 0, 2*capacity) // holds nobody back
		sub = newSub[tick](t, b, billing)
		requireEmpty(t, sub)
		require.NoError(t, sub.Close())
		assert.ErrorIs(t, sub.Remove(), bus.ErrClosed, "its place is not ours any more")
		require.NoError(t, newSub[tick](t, b, billing).Remove())
		after, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

// A durable subscription may come back with more lanes: those it had go on, new
// ones begin. With fewer it would lose what it has not read of the others.
func TestDurableWithOtherLanes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		on := func(ps ...bus.Priority) *bus.Subscription {
			s, err := b.Subscribe(&bus.SubscribeOptions{Durable: "billing", Priorities: ps})
			require.NoError(t, err)
			return s
		}
		require.NoError(t, on(bus.Critical, bus.High).Close())
		f.publish(t, bus.Critical, bus.High, bus.Normal)
		_, err := b.Subscribe(&bus.SubscribeOptions{Durable: "billing", Priorities: []bus.Priority{bus.Critical, bus.Normal}})
		require.ErrorIs(t, err, bus.ErrOptions)
		require.ErrorContains(t, err, "high/0")
		s := on(bus.Critical, bus.High, bus.Normal)
		f.publish(t, bus.Normal)
		m, err := s.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, bus.Critical, m.Priority)
		m, err = s.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, bus.High, m.Priority)
		m, err = s.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(1), m.Position, "the new lane began when it was subscribed to")
		_, err = s.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, 3, h.Cursors)
	})
}

func TestRemoveDurable(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		before, err := b.Held()
		require.NoError(t, err)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing"})
		err = b.RemoveDurable("billing")
		require.ErrorIs(t, err, bus.ErrInUse)
		require.ErrorContains(t, err, `"billing"`)
		require.NoError(t, sub.Close())
		require.NoError(t, b.RemoveDurable("billing"))
		require.ErrorIs(t, b.RemoveDurable("billing"), bus.ErrNotExist)
		after, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

// However many make a durable subscription at the same time, one has it.
func TestDurableRacingCreators(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for round := range 30 {
			name := fmt.Sprint("round ", round)
			const racers = 4
			results := make(chan *bus.Subscriber[tick], racers)
			var start sync.WaitGroup
			start.Add(racers)
			for range racers {
				go func() {
					start.Done()
					start.Wait()
					s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: name, Window: 1})
					if err != nil && !errors.Is(err, bus.ErrInUse) {
						assert.NoError(t, err)
					}
					results <- s
				}()
			}
			var winner *bus.Subscriber[tick]
			for range racers {
				if s := result(t, results); s != nil {
					require.Nil(t, winner, "two have it")
					winner = s
				}
			}
			require.NotNil(t, winner, "nobody has it")
			require.NoError(t, winner.Remove())
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1}, h)
	})
}

// A durable subscription on a lossy lane counts what it misses while away.
func TestDurableOnALossyLane(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[crumb](t, b, nil)
		require.NoError(t, newSub[crumb](t, b, billing).Close())
		publishCrumbs(t, pub, 0, 500)
		sub := newSub[crumb](t, b, billing)
		_, err := sub.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Low, lag.Missed, lag.Missed, false)
		for i := lag.Missed; i < 500; i++ {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
		}
		requireEmpty(t, sub)
	})
}

// Members of a group, too: what one has copied and not finished goes to another.
func TestGroupFinishesNoBatchOfCopies(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.SubscribeOptions{Group: "billing", Window: 4}
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, o)
		publishTicks(t, pub, 0, 10)
		dst := make([]bus.Message[tick], 64)
		n, err := sub.TryReceiveBatch(dst)
		require.NoError(t, err)
		require.Equal(t, 4, n, "no more than its window")
		require.NoError(t, sub.Close())
		sub = newSub[tick](t, b, o)
		n, err = sub.TryReceiveBatch(dst)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Zero(t, dst[0].Value.Seq)
		requireTicks(t, sub, 4, 10)
		require.NoError(t, sub.Close())
		requireEmpty(t, newSub[tick](t, b, o))
	})
}

// A Subscribe that comes to nothing leaves a durable subscription as it was: what it reads, and its pins.
func TestDurableAfterAFailedSubscribe(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.SubscribeOptions{Durable: "d", Priorities: []bus.Priority{bus.Normal}, Window: 4}
		s, err := b.Subscribe(o)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		hog, err := b.Subscribe(&bus.SubscribeOptions{Priorities: []bus.Priority{bus.Low}, Window: 60})
		require.NoError(t, err)
		defer hog.Close()
		_, err = b.Subscribe(&bus.SubscribeOptions{Durable: "d", Priorities: []bus.Priority{bus.Critical, bus.Normal, bus.Low}, Window: 16})
		require.ErrorIs(t, err, bus.ErrPinBudget)
		_, lanes, _ := snapshot(t, b)
		assert.Equal(t, 4, lanes["normal"].PinsUsed)
		assert.Zero(t, lanes["critical"].PinsUsed+lanes["critical"].Subscribers)
		s, err = b.Subscribe(o)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	})
}

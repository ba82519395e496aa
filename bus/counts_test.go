package bus_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// snapshot returns what a bus shows, with lanes and types by name.
func snapshot(t testing.TB, b *bus.Bus) (s bus.Snapshot, lanes map[string]bus.LaneInfo, types map[string]bus.TypeInfo) {
	t.Helper()
	s, err := b.Snapshot()
	require.NoError(t, err)
	lanes, types = map[string]bus.LaneInfo{}, map[string]bus.TypeInfo{}
	for _, l := range s.Lanes {
		lanes[l.Name] = l
	}
	for _, ty := range s.Types {
		types[ty.Name] = ty
	}
	return s, lanes, types
}

// requireBalance requires that every event of a lane that a subscription has come
// past was delivered, filtered or lost. Its cursor trails by less than a window.
func requireBalance(t testing.TB, b *bus.Bus) {
	t.Helper()
	s, _, _ := snapshot(t, b)
	for _, r := range s.Subscribers {
		seen := r.Received + r.Filtered + r.Missed
		require.GreaterOrEqual(t, seen, r.Cursor, "%s on %s", r.Name, r.Lane)
		require.LessOrEqual(t, seen, r.Cursor+uint64(r.Pinned), "%s on %s", r.Name, r.Lane)
	}
}

func TestCountsOfLanesTypesAndSubscriptions(t *testing.T) {
	type other struct{ Seq uint64 }
	each(t, func(t *testing.T, b *bus.Bus) {
		ticks, others, crumbs := newPub[tick](t, b, nil), newPub[other](t, b, nil), newPub[crumb](t, b, nil)
		alone := newSub[tick](t, b, &bus.SubscribeOptions{Name: "alone", Window: 1})
		both, err := b.Subscribe(&bus.SubscribeOptions{Name: "both", Window: 1, Priorities: []bus.Priority{bus.Normal, bus.Low}})
		require.NoError(t, err)

		const n = capacity / 2
		for i := range n {
			require.NoError(t, ticks.TryPublish(&tick{Seq: uint64(i)}))
			require.NoError(t, others.TryPublish(&other{}))
		}
		require.ErrorIs(t, others.TryPublish(&other{}), bus.ErrFull)
		require.ErrorIs(t, others.TryPublish(&other{}), bus.ErrFull)
		require.ErrorIs(t, ticks.TryPublish(&tick{}), bus.ErrFull)
		publishCrumbs(t, crumbs, 0, 3*capacity)
		requireTicks(t, alone, 0, n)
		_, err = both.TryViewBatch(2*n+1, func(*bus.Event) error { return nil })
		require.NoError(t, err)
		var lag *bus.LagError
		_, err = both.TryReceive()
		require.ErrorAs(t, err, &lag, "on Low, the first lane that has something")
		_, err = both.TryViewBatch(5, func(*bus.Event) error { return nil })
		require.NoError(t, err)
		_, err = both.TryReceive()
		require.NoError(t, err)

		_, lanes, types := snapshot(t, b)
		normal, low := lanes["normal"], lanes["low"]
		assert.Equal(t, []uint64{2 * n, 3 * n, n, 0, 3}, []uint64{normal.Published, normal.Delivered, normal.Filtered, normal.Lost, normal.Full})
		assert.Equal(t, []uint64{3 * capacity, 6, 0, lag.Missed, 0}, []uint64{low.Published, low.Delivered, low.Filtered, low.Lost, low.Full})

		tk, ot, cr := types["bus_test.tick"], types["bus_test.other"], types["test.crumb"]
		assert.Equal(t, []uint64{n, 2 * n, 0, 1}, []uint64{tk.Published, tk.Delivered, tk.Filtered, tk.Full})
		assert.Equal(t, []uint64{n, n, n, 2}, []uint64{ot.Published, ot.Delivered, ot.Filtered, ot.Full})
		assert.Equal(t, []uint64{3 * capacity, 6, 0, 0}, []uint64{cr.Published, cr.Delivered, cr.Filtered, cr.Full})

		assert.Equal(t, bus.PublisherStats{Published: n, Full: 2}, others.Stats())
		requireBalance(t, b)

		// What has gone still counts for the lane and the type, and not for who
		// takes its place.
		require.NoError(t, alone.Close())
		require.NoError(t, both.Close())
		for range 3 {
			s := newSub[tick](t, b, &bus.SubscribeOptions{Name: "next", Window: 1})
			r := row(t, b, "next", bus.Normal)
			assert.Equal(t, []uint64{0, 0, 0}, []uint64{r.Received, r.Filtered, r.Missed})
			assert.Equal(t, bus.SubscriberStats{}, s.Stats())
			require.NoError(t, s.Close())
		}
		_, after, typesAfter := snapshot(t, b)
		assert.Equal(t, []uint64{normal.Delivered, normal.Filtered, normal.Lost},
			[]uint64{after["normal"].Delivered, after["normal"].Filtered, after["normal"].Lost})
		assert.Equal(t, low.Lost, after["low"].Lost)
		assert.Equal(t, []uint64{tk.Published, tk.Delivered, ot.Filtered, ot.Full},
			[]uint64{typesAfter["bus_test.tick"].Published, typesAfter["bus_test.tick"].Delivered,
				typesAfter["bus_test.other"].Filtered, typesAfter["bus_test.other"].Full})
	})
}

// Publishers that share seats, exclusive ones, batches and loans: nothing is
// counted twice or forgotten, for the publisher, the type and the lane.
func TestCountsOfManyPublishers(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo, PortsPerLane: 3}, func(t *testing.T, b *bus.Bus) {
		const goroutines, rounds, perRound = 6, 200, 6
		shared := newPub[tick](t, b, nil)
		var wg sync.WaitGroup
		for g := range goroutines {
			own := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: g == 0})
			wg.Go(func() {
				for i := range rounds {
					key := bus.With{Key: uint64(g + i)}
					assert.NoError(t, shared.PublishWith(background(), &tick{}, key))
					assert.NoError(t, own.PublishWith(background(), &tick{}, key))
					n, err := shared.PublishBatch(background(), make([]tick, 2))
					assert.NoError(t, err)
					assert.Equal(t, 2, n)
					n, err = own.PublishItems(background(), []bus.Item[tick]{{With: key}})
					assert.NoError(t, err)
					assert.Equal(t, 1, n)
					l, err := own.LoanFor(key.Key)
					assert.NoError(t, err)
					assert.NoError(t, l.Publish(background()))
				}
				assert.Equal(t, uint64(3*rounds), own.Stats().Published)
				assert.NoError(t, own.Close())
			})
		}
		wg.Wait()
		assert.Equal(t, uint64(goroutines*rounds*3), shared.Stats().Published)
		s, _, types := snapshot(t, b)
		assert.Equal(t, uint64(goroutines*rounds*perRound), types["bus_test.tick"].Published)
		sum := uint64(0)
		for _, l := range s.Lanes {
			sum += l.Published
		}
		assert.Equal(t, uint64(goroutines*rounds*perRound), sum)
	})
}

// A publish that wakes counts for its lane, its type and its publisher; who comes
// back from sleep counts it, too.
func TestCountsOfWakeups(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[memo](t, b, nil)
		sub := newSub[memo](t, b, &bus.SubscribeOptions{Name: "sleeper", Wait: bus.WaitPark})
		// One that shows that it sleeps may still be on its way, and then finds the
		// event without having slept, or is rung for in vain the next time.
		rounds := uint64(0)
		for pub.Stats().Wakeups < 3 || sub.Stats().Wakeups < 3 {
			done := async(func() error {
				_, err := sub.Receive(background())
				return err
			})
			waiting(t, b, "sleeper")
			require.NoError(t, pub.TryPublishWith(&memo{}, at(bus.Critical)))
			require.NoError(t, result(t, done))
			rounds++
		}
		s, lanes, types := snapshot(t, b)
		woken := pub.Stats().Wakeups
		assert.LessOrEqual(t, woken, rounds)
		assert.Equal(t, bus.PublisherStats{Published: rounds, Wakeups: woken}, pub.Stats())
		assert.Equal(t, woken, lanes["critical"].Wakeups)
		assert.Zero(t, lanes["normal"].Wakeups)
		assert.Equal(t, woken, types["test.memo"].Wakeups)
		assert.Equal(t, woken, s.Metrics().Total.Wakeups)
		assert.Equal(t, sub.Stats().Wakeups, row(t, b, "sleeper", bus.Low).Wakeups)

		require.NoError(t, sub.Close())
		assert.Zero(t, newSub[memo](t, b, nil).Stats().Wakeups, "another life")
	})
}

// An eviction shows at once, and counts once.
func TestCountsOfEvictions(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		still := newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
		check := func(lane, own uint64) {
			t.Helper()
			_, lanes, _ := snapshot(t, b)
			assert.Equal(t, lane, lanes["normal"].Evictions)
			assert.Equal(t, own, row(t, b, "still", bus.Normal).Evictions)
		}
		check(0, 0)
		for i := range 2 * capacity {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		check(1, 1)
		_, err := still.TryReceive()
		require.ErrorIs(t, err, bus.ErrLag)
		requireTicks(t, still, capacity, 2*capacity)
		check(1, 1)
		require.NoError(t, still.Close())
		newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
		check(1, 0)
	})
}

func TestCountsOfWhomNobodyHears(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, required)
		for range 3 {
			require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSubscriber)
		}
		assert.Equal(t, bus.PublisherStats{Unheard: 3}, pub.Stats())
	})
}

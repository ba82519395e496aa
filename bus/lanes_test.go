package bus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// four publishes to each of the four priorities.
type four struct {
	critical *bus.Publisher[alarm]
	high     *bus.Publisher[call]
	normal   *bus.Publisher[tick]
	low      *bus.Publisher[crumb]
	seq      [5]uint64 // by priority
}

func newFour(t testing.TB, b *bus.Bus) *four {
	return &four{newPub[alarm](t, b, nil), newPub[call](t, b, nil), newPub[tick](t, b, nil), newPub[crumb](t, b, nil), [5]uint64{}}
}

func (f *four) publish(t testing.TB, ps ...bus.Priority) {
	t.Helper()
	for _, p := range ps {
		var err error
		switch seq := f.seq[p]; p {
		case bus.Critical:
			err = f.critical.TryPublish(&alarm{seq})
		case bus.High:
			err = f.high.TryPublish(&call{seq})
		case bus.Normal:
			err = f.normal.TryPublish(&tick{Seq: seq})
		case bus.Low:
			err = f.low.TryPublish(&crumb{seq})
		}
		require.NoError(t, err)
		f.seq[p]++
	}
}

// next is the priority of the next event.
func next(t testing.TB, s *bus.Subscription) bus.Priority {
	t.Helper()
	m, err := s.TryReceive()
	require.NoError(t, err)
	return m.Priority
}

func TestHigherLanesFirst(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(nil)
		require.NoError(t, err)
		f.publish(t, bus.Low, bus.Normal, bus.Low, bus.High, bus.Critical, bus.Normal)
		assert.Equal(t, bus.Critical, next(t, sub))
		assert.Equal(t, bus.High, next(t, sub))
		assert.Equal(t, bus.Normal, next(t, sub))
		f.publish(t, bus.Critical) // while a window of Normal is open
		assert.Equal(t, bus.Critical, next(t, sub))
		assert.Equal(t, bus.Normal, next(t, sub))
		f.publish(t, bus.High)
		assert.Equal(t, bus.High, next(t, sub))
		assert.Equal(t, bus.Low, next(t, sub))
		assert.Equal(t, bus.Low, next(t, sub))
		_, err = sub.TryReceive()
		assert.ErrorIs(t, err, bus.ErrEmpty)
	})
}

func TestOnlyTheLanesAskedFor(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Priorities: []bus.Priority{bus.Low, bus.High}})
		require.NoError(t, err)
		f.publish(t, bus.Critical, bus.Low, bus.Normal, bus.High)
		assert.Equal(t, bus.High, next(t, sub))
		assert.Equal(t, bus.Low, next(t, sub))
		_, err = sub.TryReceive()
		assert.ErrorIs(t, err, bus.ErrEmpty)
		_, err = b.Subscribe(&bus.SubscribeOptions{Priorities: []bus.Priority{7}})
		assert.ErrorIs(t, err, bus.ErrOptions)
	})
}

// While every lane always has events, exactly one event in so many is not of the
// highest, and the lower lanes take turns.
func TestStarvationBoundUnderFlood(t *testing.T) {
	for _, tc := range []struct {
		name           string
		option, starve int
	}{{"Default", 0, 64}, {"One", 1, 1}, {"Seven", 7, 7}, {"Hundred", 100, 100}} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				f := newFour(t, b)
				sub, err := b.Subscribe(&bus.SubscribeOptions{Starve: tc.option})
				require.NoError(t, err)
				all := []bus.Priority{bus.Critical, bus.High, bus.Normal, bus.Low}
				for range capacity / 2 {
					f.publish(t, all...)
				}
				var lower []bus.Priority
				for round := range 9 {
					for i := range tc.starve {
						require.Equalf(t, bus.Critical, next(t, sub), "event %d of round %d", i, round)
						f.publish(t, bus.Critical)
					}
					p := next(t, sub)
					require.NotEqual(t, bus.Critical, p)
					lower = append(lower, p)
					f.publish(t, p)
				}
				turns := []bus.Priority{bus.High, bus.Normal, bus.Low}
				assert.Equal(t, append(append(turns, turns...), turns...), lower)
			})
		})
	}
}

// A lane is not starved by its own events: what is Critical need not wait.
func TestCriticalFirstAfterManyLowerEvents(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Starve: 8})
		require.NoError(t, err)
		for before := range 20 {
			for range before + 1 {
				f.publish(t, bus.Low)
			}
			for range before {
				require.Equal(t, bus.Low, next(t, sub))
			}
			f.publish(t, bus.Critical)
			require.Equalf(t, bus.Critical, next(t, sub), "after %d lower events", before)
			require.Equal(t, bus.Low, next(t, sub))
		}
	})
}

// Lower lanes move also when what floods the higher one is passed over.
func TestStarvationBoundWhenHigherEventsAreFiltered(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(&bus.SubscribeOptions{
			Types: []bus.TypeID{f.low.Type()}, Priorities: []bus.Priority{bus.Critical, bus.Low}, Starve: 4,
		})
		require.NoError(t, err)
		for range 30 {
			f.publish(t, bus.Critical, bus.Low)
		}
		for i := range 30 {
			require.Equal(t, bus.Low, next(t, sub))
			require.Equal(t, uint64(min(4*(i+1), 30)), sub.Stats().Filtered)
		}
	})
}

func TestShardsKeepTheOrderOfAKey(t *testing.T) {
	const shards, keys, events = 4, 9, 30
	geo := small()
	geo.Normal.Shards = shards
	geo.Normal.Capacity = 512
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
		var items []bus.Item[tick]
		for i := range events {
			for k := range uint64(keys) {
				v, w := tick{Seq: uint64(i)}, bus.With{Key: k}
				switch {
				case k == 0:
					require.NoError(t, pub.TryPublishWith(&v, w))
				case k == 1:
					l, err := pub.LoanFor(k)
					require.NoError(t, err)
					l.Value().Seq = v.Seq
					require.NoError(t, l.TryPublish())
				default:
					items = append(items, bus.Item[tick]{Value: v, With: w})
				}
			}
		}
		n, err := pub.PublishItems(background(), items)
		require.NoError(t, err)
		require.Equal(t, len(items), n)
		where, order := map[uint64]int{}, map[uint64]uint64{}
		used := map[int]bool{}
		for range keys * events {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, order[m.Key], m.Value.Seq, "order of a key")
			order[m.Key]++
			if s, ok := where[m.Key]; ok {
				require.Equal(t, s, m.Shard, "a key stays in its shard")
			}
			where[m.Key] = m.Shard
			used[m.Shard] = true
		}
		requireEmpty(t, sub)
		assert.Len(t, used, shards)
	})
}

// No shard waits for another that always has something.
func TestShardsTakeTurns(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		const window = 4
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, &bus.SubscribeOptions{Window: window})
		for range capacity {
			for k := range uint64(2) {
				require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Key: k}))
			}
		}
		run, last := 0, -1
		for range 2 * capacity {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			if m.Shard != last {
				run, last = 0, m.Shard
			}
			run++
			require.LessOrEqual(t, run, window)
		}
	})
}

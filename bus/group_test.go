package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Each event goes to one member, and those of a key come in order, while members
// join and leave.
func TestGroupSharesItsLanes(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		const keys, events = 50, 400
		l := newLedger()
		a := member(t, b, "a")
		require.Equal(t, map[string]int{"a": shards}, leases(t, b), "the first one has all")
		done := []<-chan error{l.receives(a)}
		published := async(func() error { return publishKeys(pub, keys, 0, events) })
		step := func(part int) {
			require.Eventually(t, func() bool {
				total, _ := l.count()
				return total >= part*keys*events/6
			}, patience, often)
		}
		step(1)
		c := member(t, b, "c")
		done = append(done, l.receives(c))
		settled(t, b, map[string]int{"a": 4, "c": 4})
		step(2)
		d := member(t, b, "d")
		done = append(done, l.receives(d))
		require.Eventually(t, func() bool {
			n := leases(t, b)
			return n["a"]+n["c"]+n["d"] == shards && min(n["a"], n["c"], n["d"]) == 2 && max(n["a"], n["c"], n["d"]) == 3
		}, patience, often, "equal shares")
		step(3)
		require.NoError(t, a.Close())
		settled(t, b, map[string]int{"c": 4, "d": 4})
		step(4)
		require.NoError(t, d.Close())
		settled(t, b, map[string]int{"c": shards})
		require.NoError(t, result(t, published))
		step(6)
		require.NoError(t, c.Close())
		for _, d := range done {
			require.NoError(t, result(t, d))
		}
		l.check(t, keys, events)
		assert.Zero(t, l.twice)
		st := a.Stats().Received + c.Stats().Received + d.Stats().Received
		assert.Equal(t, uint64(keys*events), st, "each counts what it saw itself")
		require.NoError(t, b.RemoveGroup("work"))
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1, Ports: h.Ports}, h)
	})
}

// As few leases move as possible.
func TestGroupSharesAreSticky(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		lanes := func() map[int]string {
			s, err := b.Snapshot()
			require.NoError(t, err)
			of := map[int]string{}
			for _, m := range s.Groups[0].Members {
				for _, l := range m.Lanes {
					of[l.Shard] = m.Name
				}
			}
			return of
		}
		l := newLedger()
		var members []*bus.Subscriber[tick]
		for _, name := range []string{"a", "c", "d", "e"} {
			m := member(t, b, name)
			members = append(members, m)
			l.receives(m)
		}
		settled(t, b, map[string]int{"a": 2, "c": 2, "d": 2, "e": 2})
		before := lanes()
		require.NoError(t, members[1].Close())
		require.Eventually(t, func() bool { return len(lanes()) == shards }, patience, often)
		for shard, name := range lanes() {
			if before[shard] != "c" {
				assert.Equalf(t, before[shard], name, "shard %d", shard)
			}
		}
		for _, m := range members {
			require.NoError(t, m.Close())
		}
	})
}

// What is published while a group has no member waits for the next one, as it
// does for a durable subscription.
func TestGroupIsDurable(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		require.NoError(t, publishKeys(pub, 10, 0, 1))
		require.NoError(t, member(t, b, "a").Close())
		require.NoError(t, publishKeys(pub, 10, 0, 5))
		m := member(t, b, "b")
		l := newLedger()
		for range 50 {
			require.NoError(t, m.View(background(), func(v *tick, e *bus.Event) error {
				l.note(e.Header().Key, v.Seq)
				return nil
			}))
		}
		l.check(t, 10, 5)
		requireEmpty(t, m)
		assert.Equal(t, uint64(50), m.Stats().Received)
		assert.Zero(t, m.Stats().Depth)
		require.ErrorIs(t, b.RemoveGroup("work"), bus.ErrInUse)
		require.NoError(t, m.Close())
		require.NoError(t, b.RemoveGroup("work"))
		require.ErrorIs(t, b.RemoveGroup("work"), bus.ErrNotExist)
		o := *work
		o.Start = bus.StartOldest
		m = newSub[tick](t, b, &o)
		for range 60 {
			require.NoError(t, m.View(background(), func(*tick, *bus.Event) error { return nil }))
		}
		requireEmpty(t, m)
	})
}

// Members of a group want the same. What differs is named.
func TestGroupMembersThatDiffer(t *testing.T) {
	type other struct{ Seq uint64 }
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		m := member(t, b, "a")
		before, err := b.Held()
		require.NoError(t, err)
		for want, o := range map[string]*bus.SubscribeOptions{
			"type bus_test.other here, not in the group":     {Group: "work", Types: []bus.TypeID{typeID[tick](t, b), typeID[other](t, b)}},
			"type bus_test.tick in the group, not here":      {Group: "work", Types: []bus.TypeID{typeID[other](t, b)}},
			"all types here, some in the group":              {Group: "work", Priorities: []bus.Priority{bus.Normal}},
			"lane high/0 here, not in the group":             {Group: "work", Types: []bus.TypeID{typeID[tick](t, b)}, Priorities: []bus.Priority{bus.High, bus.Normal}},
			"lane normal/7 in the group, not here":           {Group: "work", Types: []bus.TypeID{typeID[tick](t, b)}, Priorities: []bus.Priority{bus.High}},
			`filter "key in [1]" here, another in the group`: {Group: "work", Types: []bus.TypeID{typeID[tick](t, b)}, Filter: bus.Keys(1)},
			"Durable is for one process at a time, Group":    {Group: "work", Durable: "work"},
		} {
			_, err := b.Subscribe(o)
			require.ErrorContains(t, err, want)
			if o.Durable == "" {
				require.ErrorIs(t, err, bus.ErrGroup)
			}
		}
		after, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, before, after)
		// A durable subscription of the same name is something else.
		d := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "work"})
		require.NoError(t, d.Remove())
		require.NoError(t, m.Close())
		require.ErrorIs(t, b.RemoveDurable("work"), bus.ErrNotExist)
	})
}

// A table that is too small for the group is an error that says what it takes,
// and leaves nothing.
func TestGroupWithoutRoom(t *testing.T) {
	geo := sharded()
	geo.Subscribers = shards // one for the group, one for the member: two leases do not fit
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		_, err := bus.Subscribe[tick](b, work)
		require.ErrorIs(t, err, bus.ErrTooMany)
		require.ErrorContains(t, err, "takes 9 records")
		h, err := b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1}, h)
	})
	geo = sharded()
	geo.Normal.Pins = 4
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		full := newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
		_, err := bus.Subscribe[tick](b, work)
		require.ErrorIs(t, err, bus.ErrPinBudget)
		require.NoError(t, full.Close())
		h, err := b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1}, h)
		// A member that asks for more than is left takes what the lease has.
		m := member(t, b, "a")
		require.NoError(t, m.Close())
		greedy := newSub[tick](t, b, &bus.SubscribeOptions{Name: "greedy", Group: "work", Window: 8})
		require.Equal(t, shards, leases(t, b)["greedy"])
		require.NoError(t, greedy.Close())
	})
}

// Members beyond the number of lanes have nothing, and take over when another
// leaves.
func TestGroupOfMoreMembersThanLanes(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		l := newLedger()
		var members []*bus.Subscriber[tick]
		var done []<-chan error
		for _, name := range []string{"a", "b", "c"} {
			m := member(t, b, name)
			members = append(members, m)
			done = append(done, l.receives(m))
		}
		settled(t, b, map[string]int{"a": 1, "b": 0, "c": 0})
		for i, m := range members {
			require.NoError(t, publishKeys(pub, 1, 10*i, 10*i+10))
			require.Eventually(t, func() bool { n, _ := l.count(); return n == 10*i+10 }, patience, often)
			require.Equal(t, uint64(10), m.Stats().Received)
			require.NoError(t, m.Close())
			require.NoError(t, result(t, done[i]))
			if i < 2 {
				require.Eventually(t, func() bool {
					n := leases(t, b)
					return n["b"]+n["c"] == 1
				}, patience, often)
				if i == 0 && leases(t, b)["b"] == 0 { // either may have it
					members[1], members[2] = members[2], members[1]
					done[1], done[2] = done[2], done[1]
				}
			}
		}
		l.check(t, 1, 30)
	})
}

// Within a member priorities hold.
func TestGroupOverPriorities(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		s, err := b.Subscribe(&bus.SubscribeOptions{Group: "all"})
		require.NoError(t, err)
		f.publish(t, bus.Low, bus.Normal, bus.High, bus.Critical, bus.Low, bus.Critical)
		for _, p := range []bus.Priority{bus.Critical, bus.Critical, bus.High, bus.Normal, bus.Low, bus.Low} {
			require.Equal(t, p, next(t, s))
		}
		other, err := b.Subscribe(&bus.SubscribeOptions{Group: "all"})
		require.NoError(t, err)
		_, err = s.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		_, err = other.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		f.publish(t, bus.Low, bus.Normal, bus.High, bus.Critical)
		got := map[bus.Priority]int{}
		for _, m := range []*bus.Subscription{s, other} {
			last := bus.Priority(0)
			for range 2 {
				p := next(t, m)
				assert.Greater(t, p, last)
				last = p
				got[p]++
			}
		}
		assert.Len(t, got, 4)
	})
}

// A member whose lanes were overrun while nobody had them learns of each gap once.
func TestGroupCountsWhatItMisses(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[crumb](t, b, nil)
		o := &bus.SubscribeOptions{Group: "crumbs", Window: 4}
		require.NoError(t, newSub[crumb](t, b, o).Close())
		publishCrumbs(t, pub, 0, 1000)
		m := newSub[crumb](t, b, o)
		_, err := m.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Low, lag.Missed, lag.Missed, false)
		assert.Equal(t, lag.Missed, m.Stats().Missed)
		for seq := lag.Missed; seq < 1000; seq++ {
			c, err := m.TryReceive()
			require.NoError(t, err)
			require.Equal(t, seq, c.Value.Seq)
		}
		requireEmpty(t, m)
	})
}

// However many join, leave and remove at the same time, each that is in gets what
// it is due, and nothing is left in the end.
func TestGroupRacingMembers(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		for round := range 10 {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 5 {
						m, err := bus.Subscribe[tick](b, work)
						if !assert.NoError(t, err) {
							return
						}
						ctx, cancel := context.WithTimeout(background(), time.Millisecond)
						_, _ = m.Receive(ctx)
						cancel()
						assert.NoError(t, m.Close())
						if err := b.RemoveGroup("work"); err != nil && !errors.Is(err, bus.ErrInUse) {
							assert.ErrorIs(t, err, bus.ErrNotExist)
						}
					}
				})
			}
			for i := range 100 {
				require.NoError(t, pub.PublishWith(background(), &tick{}, bus.With{Key: uint64(round*100 + i)}))
			}
			all.Wait()
		}
		_ = b.RemoveGroup("work")
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1, Ports: h.Ports}, h)
	})
}

// Members share each priority, so that none has all lanes of one.
func TestGroupSharesEachPriority(t *testing.T) {
	geo := small()
	geo.Critical.Shards, geo.Normal.Shards = 4, 4
	geo.Subscribers = 40
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		o := &bus.SubscribeOptions{Group: "work", Window: 2, Priorities: []bus.Priority{bus.Critical, bus.Normal}}
		join := func(name string) *bus.Subscription {
			mine := *o
			mine.Name = name
			s, err := b.Subscribe(&mine)
			require.NoError(t, err)
			return s
		}
		look := func(members ...*bus.Subscription) {
			for _, m := range members {
				_, err := m.TryReceive()
				require.ErrorIs(t, err, bus.ErrEmpty)
			}
		}
		a := join("a")
		c := join("c")
		look(a, c)
		s, err := b.Snapshot()
		require.NoError(t, err)
		for _, m := range s.Groups[0].Members {
			n := map[bus.Priority]int{}
			for _, l := range m.Lanes {
				n[l.Priority]++
			}
			assert.Equal(t, map[bus.Priority]int{bus.Critical: 2, bus.Normal: 2}, n, m.Name)
		}
	})
}

func TestGroupAllocatesNothing(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded(), RecoverEvery: time.Hour}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		m := member(t, b, "a")
		v := tick{Seq: 1}
		ctx := background()
		key := uint64(0)
		avg := testing.AllocsPerRun(1000, func() {
			key++
			for range 2 {
				if err := pub.PublishWith(ctx, &v, bus.With{Key: key}); err != nil {
					panic(err)
				}
			}
			if err := m.View(ctx, func(*tick, *bus.Event) error { return nil }); err != nil {
				panic(err)
			}
			d, err := m.Take(ctx)
			if err != nil {
				panic(err)
			}
			d.Ack()
		})
		assert.Zero(t, avg)
	})
}

// A member that stood still was evicted from its lanes. Whoever has them next
// learns that, and to the event what is gone.
func TestGroupLearnsOfAnEviction(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		still := member(t, b, "still")
		const events = 5 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		require.True(t, row(t, b, "still", bus.Normal).Evicted)
		require.NoError(t, still.Close())
		heir := member(t, b, "heir")
		_, err := heir.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Normal, lag.Missed, lag.Missed, true)
		requireTicks(t, heir, int(lag.Missed), events)
		assert.Equal(t, lag.Missed, heir.Stats().Missed)
		assert.Zero(t, still.Stats().Missed)
		assert.False(t, row(t, b, "heir", bus.Normal).Evicted, "it holds the lane again")
	})
}

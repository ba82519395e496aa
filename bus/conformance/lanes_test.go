package conformance_test

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func priorities() []behaviour {
	order := []string{"alarm", "call", "tick", "crumb"}
	return []behaviour{
		{name: "Critical comes before High, before Normal, before Low", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{})
			for i := range order {
				a.publisher(order[len(order)-1-i]).put(0, 5)
			}
			for i, g := range s.take(20) {
				require.Equal(w.t, order[i/5], g.Kind, "event %d", i)
			}
		}},
		{name: "Critical comes next also in the middle of a flood of others", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{})
			a.publisher("tick").put(0, 40)
			a.publisher("crumb").put(0, 40)
			for _, g := range s.take(10) {
				require.NotEqual(w.t, "alarm", g.Kind)
			}
			alarms := a.publisher("alarm")
			for i := range uint64(5) {
				alarms.put(i, 1)
				require.Equal(w.t, "alarm", s.take(1)[0].Kind)
				require.NotEqual(w.t, "alarm", s.take(1)[0].Kind)
			}
		}},
		{name: "lower lanes still move while there is always something Critical", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{Starve: 10}, "alarm", "crumb")
			crumbs, alarms := a.publisher("crumb"), a.publisher("alarm")
			crumbs.put(0, 10)
			alarms.put(0, 60)
			low := 0
			for i, g := range s.take(60) {
				if g.Kind == "crumb" {
					low++
				}
				require.LessOrEqual(w.t, i, 11*(low+1), "one in eleven is from below")
			}
			assert.GreaterOrEqual(w.t, low, 4)
		}},
		{name: "priorities hold within a batch and within a loop", show: func(w *world) {
			a, b := w.join(), w.join()
			for _, how := range []string{"ViewBatch", "ReceiveBatch", "Events", "Messages"} {
				s := b.subscribe(bus.SubscribeOptions{})
				a.publisher("tick").put(0, 10)
				a.publisher("alarm").put(0, 10)
				r := s.receive(receive{How: how, N: 20, Timeout: patience})
				require.Len(w.t, r.Events, 20)
				for i, g := range r.Events {
					require.Equal(w.t, []string{"alarm", "tick"}[i/10], g.Kind, how)
				}
				s.close()
			}
		}},
		{name: "a single event may have another priority that its type declares, and no other", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			p.put(0, 3)
			p.send(publish{From: 3, N: 2, Priority: bus.Critical})
			require.Equal(w.t, []uint64{3, 4, 0, 1, 2}, seqs(s.take(5)))
			done := p.try(publish{N: 1, Priority: bus.Low})
			require.True(w.t, done.Failed.is("ErrOptions"), "%v", done.Failed)
			s.none()
		}},
		{name: "a subscription may read some lanes only", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{Priorities: []bus.Priority{bus.Critical, bus.Low}})
			for _, kind := range order {
				a.publisher(kind).put(0, 2)
			}
			var kinds []string
			for _, g := range s.take(4) {
				kinds = append(kinds, g.Kind)
			}
			assert.Equal(w.t, []string{"alarm", "alarm", "crumb", "crumb"}, kinds)
			s.none()
		}},
	}
}

func policies() []behaviour {
	return []behaviour{
		{name: "a reliable lane takes no more than its slowest subscriber leaves room for", show: func(w *world) {
			a, b := w.join(), w.join()
			slow, quick := b.subscribe(bus.SubscribeOptions{}, "tick"), b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			require.Equal(w.t, capacity, p.fill(0))
			quick.expect(0, capacity)
			done := p.try(publish{From: capacity, N: 1, How: "TryPublish"})
			require.True(w.t, done.Failed.is("ErrFull"), "%v", done.Failed)
			slow.expect(0, capacity)
			slow.none()
			p.put(capacity, 10)
			slow.expect(capacity, 10)
			quick.expect(capacity, 10)
		}},
		{name: "a publisher waits for room, and goes on when there is some", setup: sleepless, show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			x := p.start(publish{N: 5 * capacity})
			w.eventually("the lane is full", func() bool { return p.stats().Full > 0 })
			require.False(w.t, x.over())
			s.expect(0, 5*capacity)
			var done published
			x.must(&done)
			require.Equal(w.t, published{N: 5 * capacity}, done)
		}},
		{name: "a publisher that gives up is told who holds the lane back", show: func(w *world) {
			a, b := w.join(), w.join()
			b.subscribe(bus.SubscribeOptions{Name: "sluggard"}, "tick")
			p := a.publisher("tick")
			p.fill(0)
			done := p.try(publish{N: 1, Timeout: 5 * time.Millisecond})
			require.True(w.t, done.Failed.is("ErrFull"), "%v", done.Failed)
			assert.Contains(w.t, done.Failed.Text, "sluggard")
			require.Equal(w.t, 0, done.N)
		}},
		{name: "a subscriber that stands still is overtaken after EvictAfter, and told exactly", setup: evicting, show: func(w *world) {
			a, b := w.join(), w.join()
			still, quick := b.subscribe(bus.SubscribeOptions{}, "tick"), b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			const n = 4 * capacity
			x := p.start(publish{N: n})
			// On a busy machine it may be evicted, too.
			require.Equal(w.t, uint64(n), 1+quick.until(n-1))
			x.must(nil)
			events := still.rest()
			require.NotNil(w.t, events[0].Gap)
			require.True(w.t, events[0].Gap.Evicted)
			require.Equal(w.t, uint64(n), missed(events)+uint64(len(events)-1))
			require.Equal(w.t, uint64(n-1), events[len(events)-1].Seq)
			st := still.stats()
			assert.Equal(w.t, [3]uint64{uint64(len(events) - 1), missed(events), 1}, [3]uint64{st.Received, st.Missed, st.Evictions})
			p.put(n, 10)
			still.expect(n, 10)
		}},
		{name: "a lossy lane makes nobody wait", show: func(w *world) {
			a, b := w.join(), w.join()
			b.subscribe(bus.SubscribeOptions{}, "crumb")
			p := a.publisher("crumb")
			p.send(publish{N: 20 * capacity, How: "TryPublishWith"})
			assert.Zero(w.t, p.stats().Full)
		}},
		{name: "lag is counted exactly, once for each gap, and does not end anything", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("crumb")
			s := b.subscribe(bus.SubscribeOptions{}, "crumb")
			next, lost := uint64(0), uint64(0)
			for _, n := range []int{10, capacity + 1, 2 * capacity, 3, 5*capacity + 7} {
				p.put(next, n)
				events := s.rest()
				gaps := len(events)
				expect := next
				for _, g := range events {
					if g.Gap != nil {
						expect += g.Gap.Missed
						require.Equal(w.t, expect, g.Gap.Resumed)
						continue
					}
					gaps--
					require.Equal(w.t, expect, g.Seq)
					expect++
				}
				next += uint64(n)
				require.Equal(w.t, next, expect, "every event is received or counted")
				require.Equal(w.t, n > capacity, gaps == 1, "%d gaps after %d events", gaps, n)
				lost += missed(events)
			}
			assert.Equal(w.t, bus.SubscriberStats{Received: next - lost, Missed: lost}, s.stats())
		}},
		{name: "after a gap it goes on at the oldest event, or at the newest if that is asked for", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("crumb")
			old := b.subscribe(bus.SubscribeOptions{}, "crumb")
			fresh := b.subscribe(bus.SubscribeOptions{OnLag: bus.ResumeNewest}, "crumb")
			p.put(0, 3*capacity)
			events := old.rest()
			assert.Greater(w.t, len(events), capacity/2)
			assert.Equal(w.t, uint64(3*capacity), missed(events)+uint64(len(events)-1))
			events = fresh.rest()
			p.put(3*capacity, 2)
			events = append(events, fresh.rest()...)
			assert.Less(w.t, len(events), capacity/2)
			assert.Equal(w.t, uint64(3*capacity+2), missed(events)+uint64(len(events)-1))
		}},
	}
}

func shards() []behaviour {
	sharded := func(o *setup) { o.Geometry.Normal.Shards = 4 }
	return []behaviour{
		{name: "events of a key stay in one shard and in order, and all shards are read", setup: sharded, show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			subs := []*sub{b.subscribe(bus.SubscribeOptions{}, "tick"), c.subscribe(bus.SubscribeOptions{}, "tick")}
			const n, keys = 4 * capacity, 16
			var receiving []*pending
			for _, s := range subs {
				receiving = append(receiving, s.start(receive{N: n, Timeout: patience}))
			}
			a.publisher("tick").send(publish{N: n, Keys: keys})
			for _, x := range receiving {
				var r received
				x.must(&r)
				shard, last := map[uint64]int{}, map[uint64]uint64{}
				used := map[int]bool{}
				for _, g := range r.Events {
					if s, ok := shard[g.Key]; ok {
						require.Equal(w.t, s, g.Shard)
						require.Equal(w.t, last[g.Key]+keys, g.Seq, "the next of its key")
					}
					shard[g.Key], last[g.Key], used[g.Shard] = g.Shard, g.Seq, true
				}
				require.Len(w.t, shard, keys)
				require.Len(w.t, used, 4)
			}
		}},
		{name: "every way to publish puts a key into the same shard", setup: sharded, show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			for key := uint64(1); key <= 8; key++ {
				shard := -1
				for _, how := range waysToPublish(false) {
					p.send(publish{How: how, N: 3, Key: key})
					for _, g := range s.take(3) {
						if shard < 0 {
							shard = g.Shard
						}
						require.Equal(w.t, shard, g.Shard, "%s of key %d", how, key)
					}
				}
			}
		}},
	}
}

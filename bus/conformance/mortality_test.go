package conformance_test

import (
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func viewing() []behaviour {
	return []behaviour{
		{name: "a snapshot shows lanes, types, and how far behind whom", show: func(w *world) {
			a, b := w.join(), w.join()
			behind := b.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			p.put(0, 20)
			behind.expect(0, 4)
			s := a.snapshot()
			require.Equal(w.t, bus.StateOpen, s.State)
			require.Len(w.t, s.Lanes, 4)
			assert.Equal(w.t, uint64(20), s.Lanes[2].Published)
			row := a.row(behind.name, "normal")
			assert.GreaterOrEqual(w.t, row.Depth, uint64(16))
			assert.True(w.t, row.Alive)
			assert.Equal(w.t, []string{"tick"}, row.Types)
			for _, kind := range []string{"alarm", "call", "tick", "tock", "crumb"} {
				found := false
				for _, t := range s.Types {
					found = found || t.Name == kind && strings.EqualFold(t.Priority, kinds[kind].Priority.String())
				}
				assert.True(w.t, found, kind)
			}
		}},
		{name: "what lanes, types and subscriptions count adds up, for all processes", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			one, two := b.subscribe(bus.SubscribeOptions{}, "tock"), c.subscribe(bus.SubscribeOptions{})
			crumbs := c.subscribe(bus.SubscribeOptions{}, "crumb")
			a.publisher("tock").put(0, 20)
			b.publisher("tick").put(0, 10)
			p := c.publisher("crumb")
			p.put(0, 3*capacity)
			one.expect(0, 20)
			one.none()
			two.rest()
			lost := missed(crumbs.rest())
			assert.Equal(w.t, uint64(3*capacity), p.stats().Published)
			for _, p := range []*player{a, b, c} {
				var m bus.Metrics
				p.ask("metrics", nil, &m)
				normal, low := m.Lanes["normal/0"], m.Lanes["low/0"]
				assert.Equal(w.t, [3]uint64{30, 50, 10}, [3]uint64{normal.Published, normal.Delivered, normal.Filtered})
				assert.Equal(w.t, uint64(3*capacity), low.Published)
				assert.Equal(w.t, 2*low.Published, low.Delivered+low.Lost)
				tick, tock := m.Types["tick"], m.Types["tock"]
				assert.Equal(w.t, [3]uint64{10, 10, 10}, [3]uint64{tick.Published, tick.Delivered, tick.Filtered})
				assert.Equal(w.t, [2]uint64{20, 40}, [2]uint64{tock.Published, tock.Delivered})
				assert.Equal(w.t, normal.Published+low.Published, m.Total.Published)
				for _, s := range m.Subscribers {
					if s.Name == crumbs.name {
						assert.Equal(w.t, [2]uint64{3*capacity - lost, lost}, [2]uint64{s.Delivered, s.Lost})
					}
				}
			}
		}},
		{name: "who leaves gives everything back", show: func(w *world) {
			a, b := w.join(), w.join()
			before := a.snapshot()
			for range 3 {
				s := b.subscribe(bus.SubscribeOptions{}, "tick")
				b.publisherWith(makePublisher{Kind: "tick", Exclusive: true})
				b.handler(workOrder{Kinds: []string{"tick"}})
				b.server(workOrder{})
				b.client(patience)
				a.publisher("tick").put(0, 3)
				s.expect(0, 3)
			}
			b.ask("leave", nil, nil)
			after := a.snapshot()
			assert.Equal(w.t, before.Subscribers, after.Subscribers)
			for i, l := range after.Lanes {
				assert.Zero(w.t, l.Subscribers)
				assert.Zero(w.t, l.PinsUsed)
				assert.LessOrEqual(w.t, l.PortsUsed, before.Lanes[i].PortsUsed+4)
			}
		}},
	}
}

func mortality() []behaviour {
	all := []behaviour{
		{name: "a publisher that is killed in a flood leaves no half of an event, and others go on", show: func(w *world) {
			a, c := w.join(), w.join()
			s := c.subscribe(bus.SubscribeOptions{}, "tick")
			for range 3 {
				b := w.join()
				p := b.publisher("tick")
				p.flood("PublishItems", 3)
				r := s.receive(receive{N: 3 * capacity, Timeout: patience})
				require.Nil(w.t, r.Failed)
				b.process.kill()
				r.Events = append(r.Events, s.rest()...)
				next := r.Events[0].Position
				for _, g := range r.Events {
					require.Nil(w.t, g.Gap)
					require.Equal(w.t, next, g.Position, "no hole, no event twice")
					require.Equal(w.t, 1+g.Seq%3, g.Key, "no part of another event")
					next++
				}
				a.publisher("tick").put(500, 10)
				s.expect(500, 10)
			}
		}},
		{name: "a publisher that is frozen in a flood holds nobody up", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			s := c.subscribe(bus.SubscribeOptions{}, "tick")
			b.publisher("tick").flood("", 3)
			s.receive(receive{N: capacity, Timeout: patience})
			b.process.freeze()
			s.rest()
			x := a.publisher("tick").start(publish{From: 500, N: 3 * capacity})
			s.expect(500, 3*capacity)
			x.must(nil)
			b.process.kill()
		}},
		{name: "a subscriber that is killed holds nobody back", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			b.subscribe(bus.SubscribeOptions{}, "tick").hold0(a)
			s := c.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			p.fill(0)
			s.rest()
			x := p.start(publish{N: 5 * capacity}) // nobody is evicted here
			b.process.kill()
			s.take(5 * capacity)
			x.must(nil)
		}},
		{name: "a subscriber that is frozen holds a full lane for EvictAfter, and finishes its event later", setup: evicting, show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			frozen := b.subscribe(bus.SubscribeOptions{}, "tick")
			s := c.subscribe(bus.SubscribeOptions{}, "tick")
			p := a.publisher("tick")
			p.send(publish{From: 9, N: 1, Tail: "held"})
			require.Equal(w.t, uint64(9), frozen.hold().Seq)
			b.process.freeze()
			s.take(1)
			x := p.start(publish{N: 5 * capacity, Tail: "others"})
			n := 0
			for n < 5*capacity {
				r := s.receive(receive{N: 1, Timeout: patience})
				require.Nil(w.t, r.Failed)
				n += 1 + int(missed(r.Events))
			}
			x.must(nil)
			b.process.thaw()
			frozen.release() // says so if its event has changed
			events := frozen.rest()
			assert.Equal(w.t, uint64(5*capacity), missed(events)+uint64(len(seqs(events)))-gaps(events))
		}},
		{name: "a durable subscriber that is killed and started again twenty times under load misses nothing", show: func(w *world) {
			a := w.join()
			p := a.publisher("tick")
			o := bus.SubscribeOptions{Name: "billing", Durable: "billing", HoldPolicy: bus.HoldBlock}
			first := w.join()
			first.subscribe(o, "tick")
			first.process.kill()
			const n = 20 * capacity
			x := p.start(publish{N: n + 10})
			next, lives := uint64(0), 0
			for ; next < n; lives++ {
				b := w.join()
				s, f := b.trySubscribe(subscribe{Kinds: []string{"tick"}, Options: o})
				require.Nil(w.t, f, "%v", f)
				r := s.receive(receive{How: "View", N: int(min(capacity-3, n+2-next)), Timeout: patience})
				require.Nil(w.t, r.Failed)
				again := next - r.Events[0].Seq
				require.LessOrEqual(w.t, again, uint64(1), "only what was not finished comes again")
				for i, g := range r.Events {
					require.Nil(w.t, g.Gap)
					require.Equal(w.t, next-again+uint64(i), g.Seq)
				}
				next = r.Events[len(r.Events)-1].Seq + 1
				b.process.kill()
			}
			x.must(nil)
			assert.GreaterOrEqual(w.t, lives, 20)
			w.eventually("it can be forgotten", func() bool { return a.try("forget", named{"billing"}, nil) == nil })
		}},
		{name: "what a killed process had taken and not acked comes again", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			o := bus.SubscribeOptions{Name: "billing", Durable: "billing", Window: 8}
			s := b.subscribe(o, "tick")
			a.publisher("tick").put(0, 10)
			s.lend(6)
			s.ack(0, 1, 3, 5)
			b.process.kill()
			s = c.subscribe(o, "tick")
			s.expect(2, 8)
			s.none()
		}},
		{name: "a call whose server is killed ends with its deadline, and the next one knows", show: func(w *world) {
			a, b := w.join(), w.join()
			s := a.server(workOrder{Gate: true})
			c := b.client(-1)
			x := c.start(callOrder{N: 1, Timeout: patience / 100})
			s.until("it is at work", func(r workReport) bool { return len(r.Began) == 1 })
			a.process.kill()
			var answers []answer
			x.must(&answers)
			require.True(w.t, answers[0].Failed.is("ErrTimeout"), "%v", answers[0].Failed)
			w.eventually("nobody serves", func() bool { return c.call(callOrder{N: 1, Timeout: patience})[0].Failed.is("ErrNoSubscriber") })
		}},
		{name: "what a killed process held comes back", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			b.subscribe(bus.SubscribeOptions{Name: "dead"}, "tick")
			b.publisherWith(makePublisher{Kind: "tick", Exclusive: true})
			b.handler(workOrder{Kinds: []string{"tick"}, Gate: true})
			p.put(0, 3)
			b.process.kill()
			w.eventually("its places are free", func() bool {
				s := a.snapshot()
				return len(s.Participants) == 1 && len(s.Subscribers) == 0
			})
			p.put(0, 5*capacity)
		}},
		{name: "a region outlives its processes, with its events and its durable subscriptions", show: func(w *world) {
			a := w.join()
			s := a.subscribe(bus.SubscribeOptions{Name: "billing", Durable: "billing"}, "tick")
			a.publisher("tick").put(0, 20)
			s.receive(receive{How: "View", N: 5})
			a.stop()
			b := w.join()
			old := b.subscribe(bus.SubscribeOptions{Start: bus.StartOldest}, "tick")
			s = b.subscribe(bus.SubscribeOptions{Name: "billing", Durable: "billing"}, "tick")
			s.expect(5, 15)
			old.expect(0, 20)
		}},
	}
	all = append(all, mortalGroups()...)
	for i := range all {
		all[i].mortal = true
	}
	return all
}

// gaps is how many of events are gaps.
func gaps(events []got) (n uint64) {
	for _, g := range events {
		if g.Gap != nil {
			n++
		}
	}
	return n
}

// hold0 publishes an event that the subscription holds.
func (x *sub) hold0(from *player) {
	x.p.w.t.Helper()
	from.publisher("tick").put(0, 1)
	x.hold()
}

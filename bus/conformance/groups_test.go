package conformance_test

import (
	"cmp"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// sixteen gives ticks 16 shards.
func sixteen(o *setup) {
	o.Geometry.Subscribers = 48
	o.Geometry.Normal.Shards = 16
	o.Geometry.Normal.Ports = 6
	o.Geometry.Normal.Pins = 64
}

// crew is a group whose members tell of each event while they have it.
type crew struct {
	w       *world
	members []*mate
}

type mate struct {
	p      *player
	s      *sub
	stream *pending
	killed bool
}

func (c *crew) join(p *player) *mate {
	c.w.t.Helper()
	s := p.subscribe(bus.SubscribeOptions{Group: "crew", Priorities: []bus.Priority{bus.Normal}}, "tick")
	m := &mate{p: p, s: s, stream: p.start("stream", named{s.name})}
	c.members = append(c.members, m)
	return m
}

// handled counts the events that came, each once.
func (c *crew) handled() int {
	type id struct{ key, seq uint64 }
	seen := map[id]bool{}
	for _, m := range c.members {
		for _, e := range m.stream.events() {
			seen[id{e.Key, e.Seq}] = true
		}
	}
	return len(seen)
}

// shared waits until the lanes are dealt out among some members in equal shares.
func (c *crew) shared(viewer *player, among ...*mate) {
	c.w.t.Helper()
	c.w.eventually("the lanes are dealt out", func() bool {
		for _, g := range viewer.snapshot().Groups {
			if len(g.Members) != len(among) || len(g.Free) > 0 {
				return false
			}
			for _, m := range g.Members {
				if len(m.Lanes) < g.Lanes/len(among) {
					return false
				}
			}
		}
		return true
	})
}

// leave takes a member out of the group.
func (m *mate) leave() {
	m.p.w.t.Helper()
	m.s.close()
	f := m.stream.wait(nil)
	require.True(m.p.w.t, f.is("ErrClosed"), "%v", f)
}

func (m *mate) kill() {
	m.p.process.kill()
	<-m.p.gone
	m.killed = true
}

// check requires that of each key every event came, in order, and twice only what
// a killed member had not finished.
func (c *crew) check(keys, each uint64) {
	c.w.t.Helper()
	type one struct {
		stamped
		by *mate
	}
	byKey := map[uint64][]one{}
	for _, m := range c.members {
		for _, e := range m.stream.events() {
			require.Nil(c.w.t, e.Gap)
			byKey[e.Key] = append(byKey[e.Key], one{e, m})
		}
	}
	require.Len(c.w.t, byKey, int(keys))
	for key, all := range byKey {
		slices.SortStableFunc(all, func(a, b one) int { return cmp.Compare(a.At, b.At) })
		var next uint64
		last := map[uint64]*mate{}
		for _, e := range all {
			n := (e.Seq - (key - 1)) / keys
			require.LessOrEqual(c.w.t, n, next, "key %d: the events before this one have come", key)
			if n < next {
				require.True(c.w.t, last[n].killed, "key %d: event %d came twice", key, n)
			} else {
				next++
			}
			last[n] = e.by
		}
		require.Equal(c.w.t, each, next, "key %d", key)
	}
}

func groups() []behaviour {
	return []behaviour{
		{name: "each event goes to one member, and those of a key in order, while members join and leave", setup: sixteen, show: func(w *world) {
			const keys, each = 100, 40
			a, b, d := w.join(), w.join(), w.join()
			c := &crew{w: w}
			p := a.publisher("tick")
			const part = keys * each / 4
			during := func(n int, change func()) {
				x := p.start(publish{From: uint64(n * part), N: part, Keys: keys})
				change()
				x.must(nil)
				w.eventually("all is handled", func() bool { return c.handled() == (n+1)*part })
			}
			first := c.join(b)
			var second, third *mate
			during(0, func() { second = c.join(d) })
			c.shared(a, first, second)
			during(1, func() { third = c.join(b) })
			c.shared(a, first, second, third)
			during(2, first.leave)
			c.shared(a, second, third)
			during(3, func() {})
			second.leave()
			third.leave()
			c.check(keys, each)
			for _, m := range c.members {
				assert.NotEmpty(w.t, m.stream.events(), "they share")
			}
			a.ask("disband", named{"crew"}, nil)
		}},
		{name: "what comes while it has no member waits for the next", setup: sixteen, show: func(w *world) {
			const keys = 50
			a, b, d := w.join(), w.join(), w.join()
			c := &crew{w: w}
			c.join(b).leave()
			a.publisher("tick").send(publish{N: 3 * keys, Keys: keys})
			m := c.join(d)
			w.eventually("all is handled", func() bool { return c.handled() == 3*keys })
			f := a.try("disband", named{"crew"}, nil)
			require.True(w.t, f.is("ErrInUse"), "%v", f)
			m.leave()
			c.check(keys, 3)
			a.ask("disband", named{"crew"}, nil)
			f = a.try("disband", named{"crew"}, nil)
			require.True(w.t, f.is("ErrNotExist"), "%v", f)
		}},
		{name: "who wants something else is refused, and told what", setup: sixteen, show: func(w *world) {
			a, b := w.join(), w.join()
			o := bus.SubscribeOptions{Group: "crew", Priorities: []bus.Priority{bus.Normal}}
			a.subscribe(o, "tick")
			_, f := b.trySubscribe(subscribe{Kinds: []string{"tock"}, Options: o})
			require.True(w.t, f.is("ErrGroup"), "%v", f)
			assert.Contains(w.t, f.Text, "crew")
			_, f = b.trySubscribe(subscribe{Kinds: []string{"tick"}, Options: o, Filter: &condition{Keys: []uint64{1}}})
			require.True(w.t, f.is("ErrGroup"), "%v", f)
		}},
		{name: "handlers of a group share the work", setup: sixteen, show: func(w *world) {
			const keys, each = 40, 10
			a, b, d := w.join(), w.join(), w.join()
			o := workOrder{Kinds: []string{"tick"}, Concurrent: 4, Options: bus.SubscribeOptions{Group: "crew", Priorities: []bus.Priority{bus.Normal}, Window: 4}}
			hands := []*worker{b.handler(o), d.handler(o)}
			a.publisher("tick").send(publish{N: keys * each, Keys: keys})
			w.eventually("all is handled", func() bool { return hands[0].did().Ended+hands[1].did().Ended == keys*each })
			seen := map[uint64]bool{}
			for _, h := range hands {
				r := h.did()
				assert.Equal(w.t, 1, r.OfAKey)
				for _, g := range r.Began {
					require.False(w.t, seen[g.Seq], "each once")
					seen[g.Seq] = true
				}
			}
		}},
	}
}

// mortalGroups are behaviours of groups whose members die.
func mortalGroups() []behaviour {
	return []behaviour{
		{name: "of a group, what a killed member had not finished goes to another, and keys keep their order", setup: sixteen, show: func(w *world) {
			const keys, each = 200, 20
			a := w.join()
			c := &crew{w: w}
			for range 4 {
				c.join(w.join())
			}
			x := a.publisher("tick").start(publish{N: keys * each, Keys: keys})
			after := func(part int) {
				w.eventually("events are handled", func() bool { return c.handled() >= part*keys*each/6 })
			}
			after(1)
			c.members[0].kill()
			after(2)
			c.join(w.join())
			c.members[1].kill()
			after(3)
			c.members[2].leave()
			c.join(w.join())
			after(4)
			c.members[4].kill()
			x.must(nil)
			after(6)
			c.check(keys, each)
		}},
	}
}

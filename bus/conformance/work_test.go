package conformance_test

import (
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// worker is a handler or a server of a role.
type worker struct {
	p        *player
	name, do string
}

func (p *player) handler(o workOrder) *worker {
	p.w.t.Helper()
	o.Name = p.name("handler")
	o.Options.Name = o.Name
	p.ask("handle", o, nil)
	return &worker{p, o.Name, "handled"}
}

func (p *player) server(o workOrder) *worker {
	p.w.t.Helper()
	o.Name = p.name("server")
	p.ask("serve", o, nil)
	return &worker{p, o.Name, "served"}
}

// did returns what its functions did so far.
func (x *worker) did() (r workReport) {
	x.p.w.t.Helper()
	x.p.ask(x.do, workOrder{Name: x.name}, &r)
	return r
}

// open opens the gate at which the functions wait.
func (x *worker) open() {
	x.p.w.t.Helper()
	x.p.ask(x.do, workOrder{Name: x.name, Mode: "open"}, nil)
}

// until waits until the functions have done something.
func (x *worker) until(what string, holds func(r workReport) bool) (r workReport) {
	x.p.w.t.Helper()
	x.p.w.eventually(what, func() bool { r = x.did(); return holds(r) })
	return r
}

func handlers() []behaviour {
	return []behaviour{
		{name: "a handler gets every event, as many at a time as it may, and those of a key in order", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"tick"}, Concurrent: 4, Options: bus.SubscribeOptions{Window: 32}})
			const n, keys = 5 * capacity, 5
			a.publisher("tick").send(publish{N: n, Keys: keys})
			r := h.until("all is handled", func(r workReport) bool { return r.Ended == n })
			assert.LessOrEqual(w.t, r.AtOnce, 4)
			assert.Equal(w.t, 1, r.OfAKey)
			last := map[uint64]uint64{}
			for _, g := range r.Began {
				if before, ok := last[g.Key]; ok {
					require.Equal(w.t, before+keys, g.Seq, "the next of key %d", g.Key)
				}
				last[g.Key] = g.Seq
			}
			assert.Len(w.t, last, keys)
			h.until("all is counted", func(r workReport) bool { return r.Handler.Handled == n })
		}},
		{name: "different keys are handled at the same time", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"tick"}, Concurrent: 3, Gate: true, Options: bus.SubscribeOptions{Window: 16}})
			a.publisher("tick").send(publish{N: 10, Keys: 5})
			r := h.until("as many as may be are at work", func(r workReport) bool { return len(r.Began) == 3 })
			assert.Equal(w.t, 0, r.Ended)
			h.open()
			r = h.until("all is handled", func(r workReport) bool { return r.Ended == 10 })
			assert.Equal(w.t, 3, r.AtOnce)
		}},
		{name: "one that fails or panics hurts only that event, and is counted and told", show: func(w *world) {
			a, b := w.join(), w.join()
			failing := b.handler(workOrder{Kinds: []string{"tick"}, Mode: "fail"})
			panicking := b.handler(workOrder{Kinds: []string{"tick"}, Mode: "panic"})
			fine := b.handler(workOrder{Kinds: []string{"tick"}})
			a.publisher("tick").put(0, 20)
			for _, h := range []*worker{failing, panicking, fine} {
				h.until("all is handled", func(r workReport) bool {
					return r.Handler.Handled+r.Handler.Failed+r.Handler.Panicked == 20
				})
			}
			r := failing.did()
			assert.Equal(w.t, [2]uint64{10, 10}, [2]uint64{r.Handler.Handled, r.Handler.Failed})
			require.Len(w.t, r.Errors, 10)
			assert.Contains(w.t, r.Errors[0], "is odd")
			r = panicking.did()
			assert.Equal(w.t, [2]uint64{10, 10}, [2]uint64{r.Handler.Handled, r.Handler.Panicked})
			assert.Len(w.t, r.Errors, 10)
			assert.Equal(w.t, uint64(20), fine.did().Handler.Handled)
		}},
		{name: "a slow handler holds up no other", show: func(w *world) {
			a, b := w.join(), w.join()
			slow := b.handler(workOrder{Kinds: []string{"tick"}, Gate: true})
			quick := b.handler(workOrder{Kinds: []string{"tick"}})
			a.publisher("tick").put(0, 40)
			quick.until("the quick one has done all", func(r workReport) bool { return r.Ended == 40 })
			assert.Equal(w.t, 0, slow.did().Ended)
			slow.open()
			slow.until("the slow one, too", func(r workReport) bool { return r.Ended == 40 })
		}},
		{name: "Critical is handled first", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"alarm", "tick"}, Concurrent: 1, Gate: true})
			ticks, alarms := a.publisher("tick"), a.publisher("alarm")
			ticks.put(0, 10)
			h.until("it is at work", func(r workReport) bool { return len(r.Began) == 1 })
			alarms.put(0, 5)
			h.open()
			r := h.until("all is handled", func(r workReport) bool { return r.Ended == 15 })
			last := 0
			for i, g := range r.Began {
				if g.Kind == "alarm" {
					last = i
				}
			}
			assert.LessOrEqual(w.t, last, 6, "the alarms come next, but for what was taken before they came")
		}},
		{name: "one that is overtaken is told how many events it has lost", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"crumb"}, Concurrent: 1, Gate: true, Options: bus.SubscribeOptions{Window: 4}})
			p := a.publisher("crumb")
			p.put(0, 1)
			h.until("it is at work", func(r workReport) bool { return len(r.Began) == 1 })
			p.put(1, 5*capacity)
			h.open()
			r := h.until("all is handled or lost", func(r workReport) bool { return r.Handler.Handled+r.Handler.Missed == 1+5*capacity })
			assert.Positive(w.t, r.Handler.Missed)
			require.NotEmpty(w.t, r.Errors)
			assert.Contains(w.t, r.Errors[0], "missed")
		}},
		{name: "closing one ends the context of its functions, and waits for them", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"tick"}, Concurrent: 3, Gate: true})
			a.publisher("tick").put(0, 10)
			h.until("they are at work", func(r workReport) bool { return len(r.Began) == 3 })
			b.ask("close", named{h.name}, nil)
			r := h.did()
			assert.Equal(w.t, [3]int{3, 3, 3}, [3]int{len(r.Began), r.Ended, r.Canceled})
		}},
	}
}

// client is one of a role.
type client struct {
	p    *player
	name string
}

func (p *player) client(timeout time.Duration) *client {
	p.w.t.Helper()
	c := &client{p, p.name("client")}
	p.ask("client", workOrder{Name: c.name, Timeout: timeout}, nil)
	return c
}

func (c *client) start(o callOrder) *pending {
	c.p.w.t.Helper()
	o.Name = c.name
	return c.p.start("call", o)
}

func (c *client) call(o callOrder) (answers []answer) {
	c.p.w.t.Helper()
	c.start(o).must(&answers)
	return answers
}

func calls() []behaviour {
	return []behaviour{
		{name: "each of many calls at a time gets its own reply", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			s := a.server(workOrder{Concurrent: 4})
			one, two := b.client(patience), c.client(patience)
			x, y := one.start(callOrder{N: 50, Tail: "from one"}), two.start(callOrder{From: 1000, N: 50, Tail: "from two"})
			for i, p := range []*pending{x, y} {
				var answers []answer
				p.must(&answers)
				for j, got := range answers {
					want := answer{Seq: 2 * uint64(1000*i+j), Server: uint64(a.id), Tail: []string{"from one", "from two"}[i]}
					require.Equal(w.t, want, got)
				}
			}
			s.until("all is counted", func(r workReport) bool { return r.Server.Answered == 100 })
		}},
		{name: "a server's error, and its panic, come back to the caller", show: func(w *world) {
			a, b := w.join(), w.join()
			failing := a.server(workOrder{Mode: "fail"})
			c := b.client(patience)
			got := c.call(callOrder{From: 1, N: 1})[0]
			require.NotNil(w.t, got.Remote)
			assert.Equal(w.t, bus.RemoteError{Server: a.id, Text: "event 1 is odd"}, *got.Remote)
			assert.Nil(w.t, c.call(callOrder{From: 2, N: 1})[0].Failed)
			a.ask("close", named{failing.name}, nil)
			a.server(workOrder{Mode: "panic"})
			got = c.call(callOrder{From: 1, N: 1})[0]
			require.NotNil(w.t, got.Remote)
			assert.True(w.t, got.Remote.Panicked)
			assert.Nil(w.t, c.call(callOrder{From: 2, N: 1})[0].Failed)
		}},
		{name: "when nobody serves, a call fails at once", show: func(w *world) {
			a, b := w.join(), w.join()
			c := b.client(-1)
			got := c.call(callOrder{N: 1})[0]
			require.True(w.t, got.Failed.is("ErrNoSubscriber"), "%v", got.Failed)
			s := a.server(workOrder{})
			require.Nil(w.t, c.call(callOrder{N: 1})[0].Failed)
			a.ask("close", named{s.name}, nil)
			got = c.call(callOrder{N: 1})[0]
			require.True(w.t, got.Failed.is("ErrNoSubscriber"), "%v", got.Failed)
		}},
		{name: "a call that gets no reply ends with its deadline, and so does its server's function", show: func(w *world) {
			a, b := w.join(), w.join()
			s := a.server(workOrder{Gate: true, Mode: "stubborn"})
			for _, o := range []callOrder{{N: 1}, {N: 1, Timeout: 5 * time.Millisecond}} {
				c := b.client(5 * time.Millisecond)
				if o.Timeout != 0 {
					c = b.client(-1)
				}
				got := c.call(o)[0]
				require.True(w.t, got.Failed.is("ErrTimeout"), "%v", got.Failed)
			}
			s.until("the functions are told", func(r workReport) bool { return r.Canceled == len(r.Began) })
			s.open()
			assert.Nil(w.t, b.client(patience).call(callOrder{N: 1})[0].Failed)
		}},
		{name: "of servers that are a group, one serves each request", setup: sixteen, show: func(w *world) {
			a, b, d := w.join(), w.join(), w.join()
			o := workOrder{Concurrent: 4, Options: bus.SubscribeOptions{Group: "crew", Window: 2}}
			servers := []*worker{b.server(o), d.server(o)}
			c := a.client(patience)
			w.eventually("both serve", func() bool {
				for i, got := range c.call(callOrder{N: 64, Keys: true}) {
					require.Nil(w.t, got.Failed, "call %d: %v", i, got.Failed)
				}
				return len(servers[0].did().Began) > 0 && len(servers[1].did().Began) > 0
			})
			before := len(servers[0].did().Began) + len(servers[1].did().Began)
			c.call(callOrder{N: 100, Keys: true})
			assert.Equal(w.t, before+100, len(servers[0].did().Began)+len(servers[1].did().Began))
		}},
		{name: "requests of a key are served one after the other, in order", show: func(w *world) {
			a, b := w.join(), w.join()
			s := a.server(workOrder{Concurrent: 8, Gate: true})
			c := b.client(patience)
			var calls []*pending
			for i := range uint64(5) {
				calls = append(calls, c.start(callOrder{From: i, N: 1, Key: 7}))
				s.until("the request has come", func(r workReport) bool { return r.Server.Received == i+1 })
			}
			require.Len(w.t, s.did().Began, 1)
			s.open()
			for _, x := range calls {
				x.must(nil)
			}
			r := s.did()
			assert.Equal(w.t, []uint64{0, 1, 2, 3, 4}, seqs(r.Began))
			assert.Equal(w.t, 1, r.OfAKey)
		}},
	}
}

// ring orders something of a static ring.
func (p *player) ring(o staticOrder, into any) *failure {
	p.w.t.Helper()
	o.Ring, o.Timeout = "ring", patience
	return p.try("static", o, into)
}

func (p *player) mustRing(o staticOrder, into any) {
	p.w.t.Helper()
	f := p.ring(o, into)
	require.Nil(p.w.t, f, "static ring: %s: %v", o.Do, f)
}

func statics() []behaviour {
	open := func(o bus.StaticOptions, players ...*player) {
		for _, p := range players {
			p.mustRing(staticOrder{Do: "open", Options: o}, nil)
			p.mustRing(staticOrder{Do: "publisher"}, nil)
			p.mustRing(staticOrder{Do: "subscribe"}, nil)
		}
	}
	small := bus.StaticOptions{Capacity: capacity, EvictAfter: -1}
	return []behaviour{
		{name: "a static ring carries every event, in one order for all", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			open(small, a, b, c)
			const n = 3 * capacity
			var receiving, publishing []*pending
			for _, p := range []*player{a, b, c} {
				receiving = append(receiving, p.start("static", staticOrder{Ring: "ring", Do: "receive", N: 2 * n, Timeout: patience}))
			}
			for i, p := range []*player{a, b} {
				publishing = append(publishing, p.start("static", staticOrder{Ring: "ring", Do: "publish", From: uint64(1000 * i), N: n, Timeout: patience}))
			}
			for _, x := range publishing {
				x.must(nil)
			}
			var first []uint64
			for i, x := range receiving {
				var r received
				x.must(&r)
				if i == 0 {
					first = seqs(r.Events)
				}
				require.Equal(w.t, first, seqs(r.Events))
			}
			for i := range uint64(2) {
				mine := slices.DeleteFunc(slices.Clone(first), func(seq uint64) bool { return seq/1000 != i })
				require.Len(w.t, mine, n)
				require.True(w.t, slices.IsSorted(mine))
			}
		}},
		{name: "a lossy one counts what it has overwritten", show: func(w *world) {
			a, b := w.join(), w.join()
			open(bus.StaticOptions{Capacity: capacity, Policy: bus.Lossy}, a, b)
			a.mustRing(staticOrder{Do: "publish", N: 3 * capacity}, nil)
			var r received
			b.mustRing(staticOrder{Do: "receive", N: 2}, &r)
			require.NotNil(w.t, r.Events[0].Gap)
			require.Equal(w.t, r.Events[0].Gap.Missed, r.Events[1].Seq)
			b.mustRing(staticOrder{Do: "receive", N: 3*capacity - int(r.Events[1].Seq) - 1}, &r)
			require.Equal(w.t, uint64(3*capacity-1), r.Events[len(r.Events)-1].Seq)
		}},
		{name: "whoever opens it for another type or another shape is told the difference", show: func(w *world) {
			a, b := w.join(), w.join()
			open(small, a)
			f := b.ring(staticOrder{Do: "open", Other: true}, nil)
			require.True(w.t, f.is("ErrSchema"), "%v", f)
			f = b.ring(staticOrder{Do: "open", Options: bus.StaticOptions{Capacity: 2 * capacity}}, nil)
			require.NotNil(w.t, f)
			assert.Contains(w.t, f.Text, "Capacity is 64")
		}},
	}
}

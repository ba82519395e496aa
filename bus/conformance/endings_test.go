package conformance_test

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func endings() []behaviour {
	return []behaviour{
		{name: "what was accepted when a bus drains is received, passed over or missed, to the event", show: func(w *world) {
			account(w, "tick", false)
		}},
		{name: "what was accepted when it drains adds up also where slow subscribers are evicted", setup: evicting, show: func(w *world) {
			account(w, "tick", true)
		}},
		{name: "what was accepted when it drains adds up also on a lossy lane", show: func(w *world) { account(w, "crumb", true) }},
		{name: "a bus that drains accepts nothing new", show: func(w *world) {
			a := w.join()
			p := a.publisher("tick")
			s := a.subscribe(bus.SubscribeOptions{}, "tick")
			p.put(0, 3)
			f := a.try("drain", drainOrder{time.Nanosecond}, nil)
			require.NotNil(w.t, f, "nobody has received from %s", s.name)
			assert.Contains(w.t, f.Text, s.name)
			require.Equal(w.t, bus.StateDraining, a.state())
			for how := range howToPublish {
				done := p.try(publish{How: how, N: 1})
				require.True(w.t, done.Failed.is("ErrDraining"), "%s: %v", how, done.Failed)
			}
			f = a.try("publisher", makePublisher{Name: "another", Kind: "tick"}, nil)
			require.True(w.t, f.is("ErrDraining"), "%v", f)
			_, f = a.trySubscribe(subscribe{Kinds: []string{"tick"}})
			require.True(w.t, f.is("ErrDraining"), "%v", f)
			r := s.receive(receive{})
			require.Equal(w.t, []uint64{0, 1, 2}, seqs(r.Events))
			require.True(w.t, r.Failed.is("ErrDraining"), "%v", r.Failed)
			require.True(w.t, r.Failed.is("ErrClosed"), "%v", r.Failed)
			drain(a)
		}},
		{name: "a drain ends who sleeps and who waits for room", setup: sleepless, show: func(w *world) {
			a, b := w.join(), w.join()
			a.subscribe(bus.SubscribeOptions{Name: "full"}, "tick")
			asleep := b.subscribe(parked, "alarm")
			sleeping := asleep.start(receive{})
			b.asleep(asleep.name)
			p := a.publisher("tick")
			p.fill(0)
			full := p.stats().Full
			blocked := p.start(publish{N: 1})
			w.eventually("it waits for room", func() bool { return p.stats().Full > full })
			require.NotNil(w.t, a.try("drain", drainOrder{time.Nanosecond}, nil))
			var done published
			blocked.must(&done)
			require.True(w.t, done.Failed.is("ErrDraining"), "%v", done.Failed)
			a.ask("close", named{"full"}, nil)
			drain(a, b)
			var r received
			sleeping.must(&r)
			require.True(w.t, r.Failed.is("ErrDraining"), "%v", r.Failed)
		}},
		{name: "handlers finish what was accepted before a drain", show: func(w *world) {
			a, b := w.join(), w.join()
			h := b.handler(workOrder{Kinds: []string{"tick"}, Concurrent: 2, Gate: true, Options: bus.SubscribeOptions{Window: 16}})
			a.publisher("tick").send(publish{N: 40, Keys: 3})
			h.until("it is at work", func(r workReport) bool { return len(r.Began) > 0 })
			x := b.start("drain", drainOrder{patience})
			w.eventually("the bus drains", func() bool { return b.state() == bus.StateDraining })
			require.False(w.t, x.over())
			h.open()
			x.must(nil)
			r := h.did()
			assert.Equal(w.t, [2]int{40, 0}, [2]int{r.Ended, r.Canceled})
		}},
		{name: "Close ends every wait", setup: sleepless, show: func(w *world) {
			a := w.join()
			parked := a.subscribe(parked, "alarm")
			spinning := a.subscribe(bus.SubscribeOptions{Wait: bus.WaitSpin}, "alarm")
			a.subscribe(bus.SubscribeOptions{Durable: "full"}, "tick") // which holds the lane also when it is closed
			p := a.publisher("tick")
			p.fill(0)
			full := p.stats().Full
			blocked := p.start(publish{N: 1})
			w.eventually("it waits for room", func() bool { return p.stats().Full > full })
			waits := []*pending{parked.start(receive{}), spinning.start(receive{How: "Events"})}
			a.asleep(parked.name)
			a.ask("shut", nil, nil)
			var done published
			blocked.must(&done)
			require.True(w.t, done.Failed.is("ErrClosed"), "%v", done.Failed)
			for _, x := range waits {
				var r received
				x.must(&r)
				require.True(w.t, r.Failed.is("ErrClosed"), "%v", r.Failed)
			}
			require.Equal(w.t, bus.StateClosed, a.state())
			require.True(w.t, p.try(publish{N: 1}).Failed.is("ErrClosed"))
		}},
		{name: "Close takes no memory from under a callback or a delivery", show: func(w *world) {
			a := w.join()
			viewed, taken := a.subscribe(bus.SubscribeOptions{}, "tick"), a.subscribe(bus.SubscribeOptions{}, "tick")
			a.publisher("tick").send(publish{From: 5, N: 1, Tail: "still here"})
			viewed.hold()
			require.Equal(w.t, []uint64{5}, seqs(taken.lend(1).Events))
			a.ask("shut", nil, nil)
			viewed.release()
			taken.ack(0)
		}},
	}
}

// account floods a lane, drains all buses in the middle of it, and adds up.
func account(w *world, kind string, lossy bool) {
	a, b, c := w.join(), w.join(), w.join()
	var subs []*sub
	var tallies []*pending
	read := func(s *sub, how string) {
		subs, tallies = append(subs, s), append(tallies, s.tally(how, 0))
	}
	read(b.subscribe(bus.SubscribeOptions{}, kind), "Events")
	read(b.subscribe(bus.SubscribeOptions{}, kind), "ReceiveBatch")
	read(c.subscribe(bus.SubscribeOptions{}), "View")
	read(c.subscribe(bus.SubscribeOptions{Durable: "billing"}, kind), "Take")
	read(c.filtered(condition{Odd: true}, kind), "Messages")
	var still *sub
	if lossy {
		still = b.subscribe(bus.SubscribeOptions{}, kind)
	}
	other := map[string]string{"tick": "tock", "crumb": "crumb"}[kind] // of the same lane
	pubs := []*pub{a.publisher(kind), a.publisherWith(makePublisher{Kind: kind, Exclusive: true}), a.publisher(other)}
	var floods []*pending
	for i, how := range []string{"PublishWith", "PublishBatch", "TryPublishWith"} {
		floods = append(floods, pubs[i].flood(how, 7))
	}
	if lossy {
		still.hold()
	}
	w.eventually("events flow", func() bool { return subs[0].stats().Received > 10*capacity })

	draining := []*pending{a.start("drain", drainOrder{patience})}
	accepted := uint64(0)
	for _, x := range floods {
		var done published
		x.must(&done)
		require.True(w.t, done.Failed.is("ErrDraining"), "%v", done.Failed)
		accepted += uint64(done.N)
	}
	for _, p := range []*player{b, c} {
		draining = append(draining, p.start("drain", drainOrder{patience}))
	}
	if lossy {
		w.eventually("its bus drains", func() bool { return b.state() == bus.StateDraining })
		still.release()
		read(still, "Receive")
	}
	for _, x := range draining {
		x.must(nil)
	}
	for i, x := range tallies {
		var t tally
		x.must(&t)
		st := subs[i].stats()
		what := fmt.Sprintf("subscription %d: %+v of %d", i, st, accepted)
		require.True(w.t, t.Failed.is("ErrDraining"), "%s: %v", what, t.Failed)
		assert.Equal(w.t, accepted, st.Received+st.Filtered+st.Missed, what)
		assert.Zero(w.t, t.Disorder, what)
		if i < 5 { // the one that stood still may have been told before
			assert.Equal(w.t, st.Missed, t.Missed, what)
		}
		if !lossy {
			assert.Zero(w.t, st.Missed, what)
		}
	}
}

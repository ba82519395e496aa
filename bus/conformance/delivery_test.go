package conformance_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

var parked = bus.SubscribeOptions{Wait: bus.WaitPark}

func sleepless(o *setup) { o.Heal = time.Hour }

func delivery() []behaviour {
	return []behaviour{
		{name: "a subscriber gets every event accepted after it joined, and none from before", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			p.put(0, 10)
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			p.put(10, 30)
			s.expect(10, 30)
			s.none()
		}},
		{name: "every subscriber gets every event", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			p := a.publisher("tick")
			subs := []*sub{
				a.subscribe(bus.SubscribeOptions{}, "tick"), b.subscribe(bus.SubscribeOptions{}, "tick"),
				b.subscribe(bus.SubscribeOptions{}), c.subscribe(bus.SubscribeOptions{}, "tick", "alarm"),
			}
			p.put(0, 50)
			for _, s := range subs {
				s.expect(0, 50)
				s.none()
			}
		}},
		{name: "all subscribers see a lane in the same order, and events of one publisher in theirs", show: oneOrder},
		{name: "an event carries its value, tail, key, source and time", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			a.publisher("tick").send(publish{From: 7, N: 1, Key: 1234567, Tail: "a tail", Word: "a word"})
			want := got{Kind: "tick", Seq: 7, Word: "a word", Tail: "a tail", Key: 1234567, Priority: bus.Normal, Source: a.id, Timed: true}
			assert.Equal(w.t, []got{want}, s.take(1))
		}},
		{name: "every way to publish comes to the same", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			next := uint64(0)
			for _, exclusive := range []bool{false, true} {
				p := a.publisherWith(makePublisher{Kind: "tick", Exclusive: exclusive})
				for _, how := range waysToPublish(true) {
					p.send(publish{How: how, From: next, N: 20})
					s.expect(next, 20)
					next += 20
				}
				for _, how := range waysToPublish(false) {
					p.send(publish{How: how, From: next, N: 12, Key: 5, Tail: how})
					for i, g := range s.take(12) {
						require.Equal(w.t, got{Kind: "tick", Seq: next + uint64(i), Key: 5, Tail: how}, got{Kind: g.Kind, Seq: g.Seq, Key: g.Key, Tail: g.Tail}, how)
					}
					next += 12
				}
				a.ask("close", named{p.name}, nil)
			}
			s.none()
		}},
		{name: "every way to receive gets the same events", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			s := b.subscribe(bus.SubscribeOptions{}, "tick")
			next := uint64(0)
			for how := range waysToReceive {
				p.send(publish{From: next, N: 17, Key: 3, Tail: "tail", Word: how})
				r := s.receive(receive{How: how, N: 17, Timeout: patience})
				require.Nil(w.t, r.Failed, "%s: %v", how, r.Failed)
				require.Len(w.t, r.Events, 17, how)
				for i, g := range r.Events {
					want := got{Kind: "tick", Seq: next + uint64(i), Word: how, Tail: "tail", Key: 3, Priority: bus.Normal, Position: g.Position, Source: a.id, Timed: true}
					require.Equal(w.t, want, g, how)
				}
				next += 17
			}
			s.none()
		}},
		{name: "an event in place stays as it is for as long as it is read, also on a lane that overwrites", show: func(w *world) {
			a, b := w.join(), w.join()
			for _, kind := range []string{"crumb", "tick"} {
				p := a.publisher(kind)
				s := b.subscribe(bus.SubscribeOptions{Window: 1}, kind)
				p.send(publish{From: 1, N: 1, Tail: "kept", Word: "first"})
				g := s.hold()
				assert.Equal(w.t, uint64(1), g.Seq)
				for p.try(publish{How: "TryPublishWith", From: 2, N: 5 * capacity, Tail: "other", Word: "later"}).N == 5*capacity && kind == "tick" {
					w.t.Fatal("the held event did not hold the lane")
				}
				s.release()
			}
		}},
		{name: "a publish wakes who sleeps", setup: sleepless, show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitAuto} {
				s := b.subscribe(bus.SubscribeOptions{Wait: wait}, "tick")
				for i := range uint64(5) {
					x := s.start(receive{N: 1})
					b.asleep(s.name)
					p.put(i, 1)
					var r received
					x.must(&r)
					require.Equal(w.t, []uint64{i}, seqs(r.Events))
				}
				s.close()
			}
		}},
		{name: "a receive call ends with its context, and with its default timeout", setup: func(o *setup) { o.Heal, o.Timeout = time.Hour, 3*time.Millisecond }, show: func(w *world) {
			a := w.join()
			for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitAuto, bus.WaitSpin} {
				s := a.subscribe(bus.SubscribeOptions{Wait: wait}, "tick")
				for _, how := range []string{"Receive", "View", "ViewBatch", "ReceiveBatch", "Events", "Messages", "typed Messages", "Take"} {
					r := s.receive(receive{How: how, Timeout: patience})
					require.True(w.t, r.Failed.is("ErrTimeout"), "%s: %v", how, r.Failed)
				}
				s.close()
			}
			s := a.subscribe(bus.SubscribeOptions{Wait: bus.WaitPark, Timeout: -1}, "tick")
			r := s.receive(receive{Timeout: 2 * time.Millisecond})
			require.NotNil(w.t, r.Failed)
			assert.False(w.t, r.Failed.is("ErrTimeout"), "its context has ended it, and not a timeout: %v", r.Failed)
			assert.Contains(w.t, r.Failed.Text, "deadline exceeded")
		}},
		{name: "what does not fit its lane is refused, with what it needs and what there is", show: func(w *world) {
			a := w.join()
			p := a.publisher("tick")
			s := a.subscribe(bus.SubscribeOptions{}, "tick")
			done := p.try(publish{N: 1, Tail: strings.Repeat("x", 300)})
			require.True(w.t, done.Failed.is("ErrTooLarge"), "%v", done.Failed)
			for _, part := range []string{"normal/0", "256"} {
				assert.Contains(w.t, done.Failed.Text, part)
			}
			s.none()
		}},
		{name: "a publisher that requires a subscriber is told when there is none", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisherWith(makePublisher{Kind: "tick", Require: true})
			for range 3 {
				done := p.try(publish{N: 1})
				require.True(w.t, done.Failed.is("ErrNoSubscriber"), "%v", done.Failed)
				other := b.subscribe(bus.SubscribeOptions{}, "tock")
				require.True(w.t, p.try(publish{N: 1}).Failed.is("ErrNoSubscriber"), "one of another type does not count")
				s := b.subscribe(bus.SubscribeOptions{}, "tick")
				p.put(1, 3)
				s.expect(1, 3)
				s.close()
				other.close()
			}
		}},
	}
}

// oneOrder lets two publish at the same time, and four receive.
func oneOrder(w *world) {
	a, b, c := w.join(), w.join(), w.join()
	var subs []*sub
	for _, p := range []*player{a, b, c, c} {
		subs = append(subs, p.subscribe(bus.SubscribeOptions{}, "tick"))
	}
	const n = 5 * capacity
	var receiving, publishing []*pending
	for _, s := range subs {
		receiving = append(receiving, s.start(receive{N: 2 * n, Timeout: patience}))
	}
	for i, p := range []*player{a, b} {
		publishing = append(publishing, p.publisher("tick").start(publish{N: n, Key: uint64(1 + i)}))
	}
	for _, x := range publishing {
		x.must(nil)
	}
	var first []got
	for i, x := range receiving {
		var r received
		x.must(&r)
		require.Nil(w.t, r.Failed)
		if i == 0 {
			first = r.Events
		}
		require.Equal(w.t, first, r.Events, "subscriber %d", i)
	}
	for key := range uint64(2) {
		mine := slices.DeleteFunc(slices.Clone(first), func(g got) bool { return g.Key != 1+key })
		require.Len(w.t, mine, n)
		for i, g := range mine {
			require.Equal(w.t, uint64(i), g.Seq)
		}
	}
}

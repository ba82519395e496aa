package conformance_test

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func starts() []behaviour {
	at := func(pos uint64) bus.SubscribeOptions {
		return bus.SubscribeOptions{Start: bus.StartPosition, Position: pos, Priorities: []bus.Priority{bus.Normal}}
	}
	return []behaviour{
		{name: "at the newest event, at the oldest that is held, or at a position", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			p.put(0, 40)
			newest := b.subscribe(bus.SubscribeOptions{}, "tick")
			oldest := b.subscribe(bus.SubscribeOptions{Start: bus.StartOldest}, "tick")
			position := b.subscribe(at(25), "tick")
			next := b.subscribe(at(40), "tick")
			p.put(40, 5)
			newest.expect(40, 5)
			oldest.expect(0, 45)
			position.expect(25, 20)
			next.expect(40, 5)
		}},
		{name: "at a position that has gone, with a gap of exact size", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			p.put(0, 3*capacity)
			s := b.subscribe(at(10), "tick")
			events := s.rest()
			require.NotNil(w.t, events[0].Gap)
			require.Equal(w.t, 10+events[0].Gap.Missed, events[0].Gap.Resumed)
			require.Equal(w.t, events[0].Gap.Resumed, events[1].Seq)
			require.Equal(w.t, uint64(3*capacity-10), missed(events)+uint64(len(events)-1))
			p.put(3*capacity, 5)
			s.expect(3*capacity, 5)
		}},
		{name: "not at a position that is not published yet", show: func(w *world) {
			a := w.join()
			a.publisher("tick").put(0, 5)
			_, f := a.trySubscribe(subscribe{Kinds: []string{"tick"}, Options: at(6)})
			require.True(w.t, f.is("ErrOptions"), "%v", f)
		}},
	}
}

func durables() []behaviour {
	durable := func(o bus.SubscribeOptions) bus.SubscribeOptions {
		o.Durable = "billing"
		return o
	}
	return []behaviour{
		{name: "one that comes back goes on behind the last event that it finished", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			p := a.publisher("tick")
			s := b.subscribe(durable(bus.SubscribeOptions{}), "tick")
			next := uint64(0)
			for i := range 4 {
				p.put(next, 10)
				for j, g := range s.receive(receive{How: "View", N: 6, Timeout: patience}).Events {
					require.Equal(w.t, next+uint64(j), g.Seq)
				}
				s.close()
				p.put(next+10, 5) // while it is away
				s = []*player{c, b}[i%2].subscribe(durable(bus.SubscribeOptions{}), "tick")
				s.expect(next+6, 9)
				s.none()
				next += 15
			}
		}},
		{name: "what was received and not finished comes again", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			s := b.subscribe(durable(bus.SubscribeOptions{}), "tick")
			p.put(0, 10)
			s.expect(0, 4) // of copies the last is not finished
			s.close()
			s = a.subscribe(durable(bus.SubscribeOptions{}), "tick")
			s.expect(3, 7)
			s.none()
			s.close()
			b.subscribe(durable(bus.SubscribeOptions{}), "tick").none()
		}},
		{name: "it belongs to one at a time, and others are told to whom", show: func(w *world) {
			a, b := w.join(), w.join()
			s := a.subscribe(durable(bus.SubscribeOptions{}), "tick")
			_, f := b.trySubscribe(subscribe{Kinds: []string{"tick"}, Options: durable(bus.SubscribeOptions{})})
			require.True(w.t, f.is("ErrInUse"), "%v", f)
			assert.Contains(w.t, f.Text, "billing")
			s.close()
			b.subscribe(durable(bus.SubscribeOptions{}), "tick")
		}},
		{name: "while it is away a reliable lane keeps a lap for it", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			b.subscribe(durable(bus.SubscribeOptions{HoldPolicy: bus.HoldBlock}), "tick").close()
			require.Equal(w.t, capacity, p.fill(0))
			s := b.subscribe(durable(bus.SubscribeOptions{}), "tick")
			s.expect(0, capacity)
			s.none()
			p.put(capacity, 10)
		}},
		{name: "it holds back no more than it may, and learns exactly what it has missed", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			b.subscribe(durable(bus.SubscribeOptions{HoldEvents: 10}), "tick").close()
			const n = 4 * capacity
			p.put(0, n)
			s := b.subscribe(durable(bus.SubscribeOptions{}), "tick")
			events := s.rest()
			require.NotNil(w.t, events[0].Gap)
			require.Equal(w.t, uint64(n), missed(events)+uint64(len(events)-1))
			require.Equal(w.t, uint64(n-1), events[len(events)-1].Seq)
		}},
		{name: "one that is removed is forgotten", show: func(w *world) {
			a, b := w.join(), w.join()
			p := a.publisher("tick")
			b.subscribe(durable(bus.SubscribeOptions{}), "tick").close()
			a.ask("forget", named{"billing"}, nil)
			f := a.try("forget", named{"billing"}, nil)
			require.True(w.t, f.is("ErrNotExist"), "%v", f)
			p.put(0, 3*capacity) // holds nobody back
			s := b.subscribe(durable(bus.SubscribeOptions{}), "tick")
			s.none()
			b.ask("remove", named{s.name}, nil)
			require.True(w.t, a.try("forget", named{"billing"}, nil).is("ErrNotExist"))
		}},
	}
}

func deliveries() []behaviour {
	return []behaviour{
		{name: "they may be finished in any order, and no more than a window is out", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.subscribe(bus.SubscribeOptions{Window: 8}, "tick")
			a.publisher("tick").put(0, 20)
			r := s.lend(20)
			require.True(w.t, r.Failed.is("ErrEmpty"), "%v", r.Failed)
			require.Equal(w.t, []uint64{0, 1, 2, 3, 4, 5, 6, 7}, seqs(r.Events))
			s.ack(7, 1, 3)
			require.Empty(w.t, s.lend(1).Events, "the first is still out")
			s.ack(0)
			require.Equal(w.t, []uint64{8, 9}, seqs(s.lend(20).Events))
			s.ack(2, 4, 5, 6, 8, 9)
			require.Equal(w.t, []uint64{10, 11, 12, 13, 14, 15, 16, 17}, seqs(s.lend(20).Events))
		}},
		{name: "what is not acked comes again to who has the subscription next", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			o := bus.SubscribeOptions{Durable: "billing", Window: 8}
			s := b.subscribe(o, "tick")
			a.publisher("tick").put(0, 10)
			s.lend(6)
			s.ack(0, 1, 3, 5)
			s.close()
			s.ack(2, 4) // what is out stays valid, and its place is given back with the last
			s = c.subscribe(o, "tick")
			s.expect(6, 4)
		}},
	}
}

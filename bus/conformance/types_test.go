package conformance_test

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func types() []behaviour {
	return []behaviour{
		{name: "a subscription gets the types that it asks for, and no others", show: func(w *world) {
			a, b := w.join(), w.join()
			one, two, all := b.subscribe(bus.SubscribeOptions{}, "tick"), b.subscribe(bus.SubscribeOptions{}, "tock", "alarm"), b.subscribe(bus.SubscribeOptions{})
			for _, kind := range []string{"tick", "tock", "alarm", "call"} {
				a.publisher(kind).put(0, 5)
			}
			for _, g := range one.take(5) {
				require.Equal(w.t, "tick", g.Kind)
			}
			count := map[string]int{}
			for _, g := range two.take(10) {
				count[g.Kind]++
			}
			assert.Equal(w.t, map[string]int{"tock": 5, "alarm": 5}, count)
			all.take(20)
			for _, s := range []*sub{one, two, all} {
				s.none()
			}
			assert.Equal(w.t, bus.SubscriberStats{Received: 5, Filtered: 10}, one.stats(), "what shares its lanes is passed over")
		}},
		{name: "two that declare a type differently are told which fields differ", show: func(w *world) {
			a, b := w.join(), w.join()
			a.ask("declare", declaration{As: "words"}, nil)
			b.ask("declare", declaration{As: "words"}, nil)
			f := b.try("declare", declaration{As: "other"}, nil)
			require.True(w.t, f.is("ErrSchema"), "%v", f)
			assert.Contains(w.t, f.Text, "words")
			assert.Contains(w.t, f.Text, "B")
			f = b.try("declare", declaration{As: "words", Priority: bus.Low}, nil)
			require.True(w.t, f.is("ErrSchema"), "%v", f)
			assert.Contains(w.t, f.Text, "priority")
		}},
	}
}

func filters() []behaviour {
	return []behaviour{
		{name: "a filter by key, source, type, field or function takes what it says", show: func(w *world) {
			a, b := w.join(), w.join()
			even := condition{Not: &condition{Odd: true}}
			cases := []struct {
				c    condition
				want []uint64
			}{
				{condition{Keys: []uint64{1}}, []uint64{0, 4, 8}},
				{condition{Field: "Seq", Is: "Is", Values: []uint64{7}}, []uint64{7}},
				{condition{Field: "Seq", Is: "IsNot", Values: []uint64{0}}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
				{condition{Field: "Seq", Is: "In", Values: []uint64{2, 3, 99}}, []uint64{2, 3}},
				{condition{Field: "Seq", Is: "Less", Values: []uint64{3}}, []uint64{0, 1, 2}},
				{condition{Field: "Seq", Is: "AtLeast", Values: []uint64{8}}, []uint64{8, 9}},
				{condition{Field: "Seq", Is: "Between", Values: []uint64{4, 6}}, []uint64{4, 5, 6}},
				{condition{Field: "Word", Is: "HasPrefix", Text: "hel"}, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
				{condition{Field: "Word", Is: "Contains", Text: "owdy"}, nil},
				{condition{Odd: true}, []uint64{1, 3, 5, 7, 9}},
				{even, []uint64{0, 2, 4, 6, 8}},
				{condition{And: []condition{even, {Field: "Seq", Is: "Less", Values: []uint64{5}}}}, []uint64{0, 2, 4}},
				{condition{Or: []condition{{Keys: []uint64{2}}, {Field: "Seq", Is: "Is", Values: []uint64{0}}}}, []uint64{0, 1, 5, 9}},
				{condition{Kinds: []string{"tick"}, Sources: []int{a.id}}, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
				{condition{Sources: []int{7}}, nil},
			}
			var subs []*sub
			for _, c := range cases {
				subs = append(subs, b.filtered(c.c, "tick"))
			}
			a.publisher("tick").send(publish{N: 10, Keys: 4, Word: "hello"})
			for i, c := range cases {
				assert.Equal(w.t, c.want, seqs(subs[i].rest()), "%+v", c.c)
				assert.Equal(w.t, bus.SubscriberStats{Received: uint64(len(c.want)), Filtered: uint64(10 - len(c.want))}, subs[i].stats())
			}
		}},
		{name: "a filter loses nothing for others", show: func(w *world) {
			a, b, c := w.join(), w.join(), w.join()
			none := b.filtered(condition{Keys: []uint64{99}}, "tick")
			odd, all := b.filtered(condition{Odd: true}, "tick"), c.subscribe(bus.SubscribeOptions{}, "tick")
			const n = 4 * capacity
			nothing := none.tally("", 0)
			some := odd.tally("Events", n/2)
			every := all.start(receive{N: n, Timeout: patience})
			a.publisher("tick").put(0, n)
			var r received
			every.must(&r)
			for i, g := range r.Events {
				require.Equal(w.t, uint64(i), g.Seq)
			}
			var t tally
			some.must(&t)
			assert.Equal(w.t, uint64(n/2), t.Received)
			assert.Zero(w.t, t.Missed+t.Disorder)
			w.eventually("all is passed over", func() bool { return none.stats().Filtered == n })
			none.close()
			nothing.must(&t)
			assert.True(w.t, t.Failed.is("ErrClosed"))
			assert.Zero(w.t, t.Received)
		}},
		{name: "what a filter passes over is no lag, and holds nobody back", show: func(w *world) {
			a, b := w.join(), w.join()
			s := b.filtered(condition{Keys: []uint64{99}}, "tick")
			waiting := s.start(receive{N: 1})
			a.publisher("tick").put(0, 10*capacity)
			a.publisher("tick").send(publish{From: 77, N: 1, Key: 99})
			var r received
			waiting.must(&r)
			require.Equal(w.t, []uint64{77}, seqs(r.Events))
			s.none()
			assert.Equal(w.t, bus.SubscriberStats{Received: 1, Filtered: 10 * capacity}, s.stats())
		}},
	}
}

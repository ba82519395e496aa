package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// subscription is one of a role. typed is nil if it takes events of several types.
type subscription struct {
	*bus.Subscription
	typed *bus.Subscriber[note]
	names map[bus.TypeID]string
	held  chan struct{} // closed to end a callback
	ended chan error
	lent  []bus.Delivery
}

func (r *role) subscribe(o subscribe) (any, error) {
	s := &subscription{names: map[bus.TypeID]string{}}
	var ids []bus.TypeID
	for name := range kinds {
		id, err := typeID(r.bus, name)
		if err != nil {
			return nil, err
		}
		s.names[id] = name
		if slices.Contains(o.Kinds, name) {
			ids = append(ids, id)
		}
	}
	var err error
	if o.Filter != nil {
		if o.Options.Filter, err = o.Filter.filter(r.bus); err != nil {
			return nil, err
		}
	}
	if len(o.Kinds) == 1 {
		o.Options.Type = kind(o.Kinds[0])
		if s.typed, err = bus.Subscribe[note](r.bus, &o.Options); err == nil {
			s.Subscription = s.typed.Raw()
		}
	} else {
		o.Options.Types = ids
		s.Subscription, err = r.bus.Subscribe(&o.Options)
	}
	if err != nil {
		return nil, err
	}
	r.keep(o.Name, s, s.Close)
	return nil, nil
}

// typeID registers a kind of event.
func typeID(b *bus.Bus, name string) (bus.TypeID, error) {
	p, err := bus.NewPublisher[note](b, &bus.PublisherOptions{Type: kind(name)})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	return p.Type(), nil
}

// seen is what a callback sees of an event.
func (s *subscription) seen(e *bus.Event) got {
	h := e.Header()
	g := got{
		Kind: s.names[h.Type], Tail: string(e.Tail()), Key: h.Key, Priority: h.Priority, Shard: h.Shard,
		Position: h.Position, Source: h.Source, Timed: h.Time != 0,
	}
	if v, ok := bus.As[note](e); ok {
		g.Seq, g.Word = v.Seq, v.Word.String()
	}
	return g
}

func (s *subscription) copied(m bus.RawMessage) got {
	g := got{
		Kind: s.names[m.Type], Tail: string(m.Tail), Key: m.Key, Priority: m.Priority, Shard: m.Shard,
		Position: m.Position, Source: m.Source, Timed: m.Time != 0,
	}
	if n, err := decode(m.Value); err == nil {
		g.Seq, g.Word = n.Seq, n.Word.String()
	}
	return g
}

func decode(b []byte) (n note, err error) {
	if into := codec.AsBytes(&n); len(into) == len(b) {
		copy(into, b)
		return n, nil
	}
	return n, fmt.Errorf("a value of %d bytes", len(b))
}

func (s *subscription) message(m bus.Message[note]) got {
	return got{
		Kind: s.names[m.Type], Seq: m.Value.Seq, Word: m.Value.Word.String(), Tail: string(m.Tail), Key: m.Key,
		Priority: m.Priority, Shard: m.Shard, Position: m.Position, Source: m.Source, Timed: m.Time != 0,
	}
}

// way receives some events and emits them; most bounds how many.
type way func(ctx context.Context, s *subscription, most int, emit func(got)) error

// waysToReceive are all of them.
var waysToReceive = map[string]way{
	"Receive": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		return each1(s.Receive(ctx))(s.copied, emit)
	},
	"ReceiveInto": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		var m bus.RawMessage
		err := s.ReceiveInto(ctx, &m)
		return each1(m, err)(s.copied, emit)
	},
	"TryReceive": func(_ context.Context, s *subscription, _ int, emit func(got)) error {
		return each1(s.TryReceive())(s.copied, emit)
	},
	"ReceiveTimeout": func(_ context.Context, s *subscription, _ int, emit func(got)) error {
		return each1(s.ReceiveTimeout(time.Minute))(s.copied, emit)
	},
	"ReceiveBatch": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		batch := make([]bus.RawMessage, min(most, 5))
		n, err := s.ReceiveBatch(ctx, batch)
		for _, m := range batch[:n] {
			emit(s.copied(m))
		}
		return err
	},
	"View": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		return s.View(ctx, func(e *bus.Event) error { emit(s.seen(e)); return nil })
	},
	"TryView": func(_ context.Context, s *subscription, _ int, emit func(got)) error {
		return s.TryView(func(e *bus.Event) error { emit(s.seen(e)); return nil })
	},
	"ViewBatch": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		_, err := s.ViewBatch(ctx, min(most, 5), func(e *bus.Event) error { emit(s.seen(e)); return nil })
		return err
	},
	"TryViewBatch": func(_ context.Context, s *subscription, most int, emit func(got)) error {
		_, err := s.TryViewBatch(min(most, 5), func(e *bus.Event) error { emit(s.seen(e)); return nil })
		return err
	},
	"Take": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		d, err := s.Take(ctx)
		if err == nil {
			emit(s.seen(d.Event()))
			d.Ack()
		}
		return err
	},
	"Events": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		return looped(s.Events(ctx), most, s.seen, emit)
	},
	"Messages": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		return looped(s.Messages(ctx), most, s.copied, emit)
	},

	"typed Receive": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		return each1(s.typed.Receive(ctx))(s.message, emit)
	},
	"typed ReceiveBatch": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		batch := make([]bus.Message[note], min(most, 5))
		n, err := s.typed.ReceiveBatch(ctx, batch)
		for _, m := range batch[:n] {
			emit(s.message(m))
		}
		return err
	},
	"typed View": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		return s.typed.View(ctx, func(_ *note, e *bus.Event) error { emit(s.seen(e)); return nil })
	},
	"typed ViewBatch": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		_, err := s.typed.ViewBatch(ctx, min(most, 5), func(_ *note, e *bus.Event) error { emit(s.seen(e)); return nil })
		return err
	},
	"typed Messages": func(ctx context.Context, s *subscription, most int, emit func(got)) error {
		return looped(s.typed.Messages(ctx), most, s.message, emit)
	},
	"typed Take": func(ctx context.Context, s *subscription, _ int, emit func(got)) error {
		d, err := s.typed.Take(ctx)
		if err == nil {
			emit(s.seen(d.Event()))
			d.Ack()
		}
		return err
	},
}

func each1[M any](m M, err error) func(func(M) got, func(got)) error {
	return func(see func(M) got, emit func(got)) error {
		if err == nil {
			emit(see(m))
		}
		return err
	}
}

// looped is a way that ranges over an iterator until it has had enough.
func looped[E any](seq iter.Seq2[E, error], most int, see func(E) got, emit func(got)) error {
	n := 0
	for e, err := range seq {
		if err != nil {
			return err
		}
		emit(see(e))
		if n++; n == most {
			break
		}
	}
	return nil
}

// run receives by a way until emit has had enough, or an error comes that is not
// a gap. Gaps are emitted, too.
func (s *subscription) run(ctx context.Context, how string, n int, emit func(got)) error {
	if how == "" {
		how = "Receive"
	}
	w, ok := waysToReceive[how]
	if !ok {
		return fmt.Errorf("no way to receive is called %q", how)
	}
	count := 0
	for n == 0 || count < n {
		most := n - count
		if n == 0 {
			most = 1 << 20
		}
		err := w(ctx, s, most, func(g got) { count++; emit(g) })
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			emit(got{Gap: &gap{lag.Priority, lag.Shard, lag.Missed, lag.Resumed, lag.Evicted}})
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (r *role) receive(o receive) (any, error) {
	s, err := thing[*subscription](r, o.Name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	answer := received{Events: []got{}}
	err = s.run(ctx, o.How, o.N, func(g got) { answer.Events = append(answer.Events, g) })
	answer.Failed = failed(err)
	return answer, nil
}

// stream tells of each event while it has it, so that the test knows of it also
// if the process dies.
func (r *role) stream(o order) error {
	var n named
	if err := json.Unmarshal(o.With, &n); err != nil {
		return err
	}
	s, err := thing[*subscription](r, n.Name)
	if err != nil {
		return err
	}
	return s.run(r.ctx, "View", 0, func(g got) {
		raw, err := json.Marshal(stamped{g, bus.Now()})
		r.say(report{ID: o.ID, More: true, Result: raw, Failed: failed(err)})
	})
}

func (r *role) tally(o receive) (any, error) {
	s, err := thing[*subscription](r, o.Name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	t := tally{ByKey: map[uint64]uint64{}}
	last := map[bus.LaneID]uint64{}
	err = s.run(ctx, o.How, o.N, func(g got) {
		if g.Gap != nil {
			t.Gaps++
			t.Missed += g.Gap.Missed
			return
		}
		t.Received++
		t.ByKey[g.Key]++
		lane := bus.LaneID{Priority: g.Priority, Shard: g.Shard}
		if next, ok := last[lane]; ok && g.Position < next {
			t.Disorder++
		}
		last[lane] = g.Position + 1
		if t.Received%16 == 0 {
			runtime.Gosched()
		}
	})
	t.Failed = failed(err)
	return t, nil
}

func (r *role) subscriberStats(n named) (any, error) {
	s, err := thing[*subscription](r, n.Name)
	if err != nil {
		return nil, err
	}
	return s.Stats(), nil
}

// hold receives an event in place and keeps it until release.
func (r *role) hold(n named) (any, error) {
	s, err := thing[*subscription](r, n.Name)
	if err != nil {
		return nil, err
	}
	s.held, s.ended = make(chan struct{}), make(chan error, 1)
	has := make(chan got)
	go func() {
		err := bus.ErrLag
		for errors.Is(err, bus.ErrLag) {
			err = s.View(r.ctx, func(e *bus.Event) error {
				value, tail := bytes.Clone(e.Value()), bytes.Clone(e.Tail())
				has <- s.seen(e)
				select {
				case <-s.held:
				case <-r.ctx.Done():
				}
				if !bytes.Equal(value, e.Value()) || !bytes.Equal(tail, e.Tail()) {
					return errors.New("the event has changed while it was held")
				}
				return nil
			})
		}
		s.ended <- err
	}()
	select {
	case g := <-has:
		return g, nil
	case err := <-s.ended:
		return nil, err
	}
}

func (r *role) release(n named) (any, error) {
	s, err := thing[*subscription](r, n.Name)
	if err != nil {
		return nil, err
	}
	close(s.held)
	return nil, <-s.ended
}

// lend takes N events and keeps them until they are acked.
func (r *role) lend(o receive) (any, error) {
	s, err := thing[*subscription](r, o.Name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	answer := received{Events: []got{}}
	for len(answer.Events) < o.N {
		d, err := s.TryTake()
		if o.How == "Take" {
			d, err = s.Take(ctx)
		}
		if err != nil {
			answer.Failed = failed(err)
			break
		}
		answer.Events = append(answer.Events, s.seen(d.Event()))
		s.lent = append(s.lent, d)
	}
	return answer, nil
}

type ackOrder struct {
	Name string
	Nth  []int // of all that were lent
}

func (r *role) ack(o ackOrder) (any, error) {
	s, err := thing[*subscription](r, o.Name)
	if err != nil {
		return nil, err
	}
	for _, i := range o.Nth {
		s.lent[i].Ack()
	}
	return nil, nil
}

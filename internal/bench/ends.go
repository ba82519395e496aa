package bench

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// endOptions say how the two ends of a flow work.
type endOptions struct {
	publisher int
	batch     int
	size      int
	read      int
	verify    bool
	stamp     bool
	static    *bus.StaticOptions // nil for a lane
	keys      uint64             // how many keys the events have, 0 for none
	filter    bus.Filter
	streams   uint64 // of RTP
	lent      bool   // packets are written into lent slots
	pack      bool
	durable   string // name of a durable subscription, which publishers wait for
}

func (c Config) ends(publisher int) endOptions {
	return endOptions{
		publisher: publisher, batch: c.Batch, size: c.Size, read: c.window(), verify: c.Verify, stamp: c.Stamp, static: c.statics(),
		keys: c.keys(), streams: c.streams(), lent: c.Lent, pack: c.Pack,
	}
}

// publishedAt is when an event was published, 0 if nobody asks.
func publishedAt(e *bus.Event, stamp bool) int64 {
	if !stamp {
		return 0
	}
	return e.Header().Time
}

// source publishes events that say which they are.
type source interface {
	// put publishes n events from seq on, at most a batch, and returns how many
	// were accepted. last marks the final one as the publisher's last.
	put(ctx context.Context, seq uint64, n int, last bool) (int, error)
	close() error
}

// timedSource publishes single events on a lane whose headers say what the caller
// wants: a time, a key.
type timedSource interface {
	source
	putWith(ctx context.Context, seq uint64, w bus.With, last bool) error
}

// seen is what a receiver learns of an event; at is when it was published, 0
// if it does not say.
type seen func(n payload.Note, ok bool, at int64)

// sink receives events in place and checks them.
type sink interface {
	// take waits for an event and gives all that are there, up to a window, to
	// the function the sink was made with.
	take(ctx context.Context) (int, error)
	// tryTake is take without waiting: it returns bus.ErrEmpty when there is
	// nothing, and has then given back all that it had read.
	tryTake() (int, error)
	stats() bus.SubscriberStats
	close() error
}

// flow is a type of event, with its two ends.
type flow struct {
	source func(*bus.Bus, endOptions) (source, error)
	sink   func(*bus.Bus, endOptions, seen) (sink, error)
	// tracked is a sink of what nobody but a tracker learns.
	tracked func(*bus.Bus, endOptions, *tracker) (sink, error)
	id      func(*bus.Bus) (bus.TypeID, error)
}

// note is what a subscription of many types finds in an event of any flow.
func (o endOptions) note(e *bus.Event) (n payload.Note, ok bool) {
	v := e.Value()
	if len(v) < payload.HeadSize || len(v)+len(e.Tail()) != o.size {
		return 0, false
	}
	if len(e.Tail()) == 0 {
		return payload.ReadBytes(v, o.verify)
	}
	n = payload.Note(binary.LittleEndian.Uint64(v))
	return n, !o.verify || payload.SumTail(e.Tail(), n) == binary.LittleEndian.Uint64(v[8:])
}

// valueFlow is the flow of events that are a value of type T alone. It must not be
// inlined: the compiler puts nothing into closures that it has moved.
//
//go:noinline
func valueFlow[T any](
	fill func(*T, payload.Note, bool), read func(*T, bool) (payload.Note, bool), tracked func(*bus.Bus, endOptions, *tracker) (sink, error),
) flow {
	return flow{
		id: bus.TypeFor[T],
		source: func(b *bus.Bus, o endOptions) (source, error) {
			if o.keys > 0 {
				return newKeyedSource(b, o, fill)
			}
			p, err := newValuePublisher[T](b, o)
			if err != nil {
				return nil, err
			}
			return &valueSource[T]{p: p, o: o, fill: fill, values: make([]T, o.batch)}, nil
		},
		sink: func(b *bus.Bus, o endOptions, see seen) (sink, error) {
			verify, stamp := o.verify, o.stamp // o is large
			if o.static != nil {
				return newStaticSink(b, o, func(v *T) error {
					n, ok := read(v, verify)
					see(n, ok, 0)
					return nil
				})
			}
			return newViewSink(b, o, func(v *T, e *bus.Event) error {
				n, ok := read(v, verify)
				see(n, ok, publishedAt(e, stamp))
				return nil
			})
		},
		tracked: tracked,
	}
}

// valuePublisher is what the publishers of a lane and of a static ring share.
type valuePublisher[T any] interface {
	Publish(context.Context, *T) error
	PublishBatch(context.Context, []T) (int, error)
	Close() error
}

func newValuePublisher[T any](b *bus.Bus, o endOptions) (valuePublisher[T], error) {
	if o.static != nil {
		return newStaticPublisher[T](b, o)
	}
	p, err := bus.NewPublisher[T](b, &bus.PublisherOptions{Exclusive: true})
	if err != nil {
		return nil, err // not p: a nil *Publisher in an interface is not nil
	}
	return p, nil
}

type valueSource[T any] struct {
	p      valuePublisher[T]
	o      endOptions
	fill   func(*T, payload.Note, bool)
	values []T
}

func (s *valueSource[T]) put(ctx context.Context, seq uint64, n int, last bool) (int, error) {
	if n == 1 {
		s.fill(&s.values[0], payload.NewNote(s.o.publisher, seq, last), s.o.verify)
		if err := s.p.Publish(ctx, &s.values[0]); err != nil {
			return 0, err
		}
		return 1, nil
	}
	for i := range n {
		s.fill(&s.values[i], payload.NewNote(s.o.publisher, seq+uint64(i), last && i == n-1), s.o.verify)
	}
	return s.p.PublishBatch(ctx, s.values[:n])
}

func (s *valueSource[T]) putWith(ctx context.Context, seq uint64, w bus.With, last bool) error {
	p, ok := s.p.(*bus.Publisher[T])
	if !ok {
		return errors.New("the events of a static ring carry no time")
	}
	s.fill(&s.values[0], payload.NewNote(s.o.publisher, seq, last), s.o.verify)
	return p.PublishWith(ctx, &s.values[0], w)
}

func (s *valueSource[T]) close() error { return s.p.Close() }

// tailFlow is the flow of events of any size: a head, then a tail that holds
// the rest. H is a type whose memory is a [payload.Head].
func tailFlow[H any](head func(*H) *payload.Head) flow {
	f := flow{
		id: bus.TypeFor[H],
		source: func(b *bus.Bus, o endOptions) (source, error) {
			p, err := bus.NewPublisher[H](b, &bus.PublisherOptions{Exclusive: true})
			if err != nil {
				return nil, err
			}
			s := &tailSource[H]{p: p, o: o, head: head, items: make([]bus.Item[H], o.batch)}
			for i := range s.items {
				s.items[i].Tail = make([]byte, o.size-payload.HeadSize)
			}
			return s, nil
		},
		sink: func(b *bus.Bus, o endOptions, see seen) (sink, error) {
			return newViewSink(b, o, func(v *H, e *bus.Event) error {
				h := head(v)
				n, ok := h.Note, true
				if o.verify {
					ok = len(e.Tail()) == o.size-payload.HeadSize && payload.SumTail(e.Tail(), n) == h.Sum
				}
				see(n, ok, publishedAt(e, o.stamp))
				return nil
			})
		},
	}
	f.tracked = func(b *bus.Bus, o endOptions, t *tracker) (sink, error) {
		return f.sink(b, o, func(n payload.Note, ok bool, _ int64) { t.see(n, ok) })
	}
	return f
}

type tailSource[H any] struct {
	p     *bus.Publisher[H]
	o     endOptions
	head  func(*H) *payload.Head
	items []bus.Item[H]
}

// put fills a single event in place, on loan; a batch is copied.
func (s *tailSource[H]) put(ctx context.Context, seq uint64, n int, last bool) (int, error) {
	if n == 1 {
		l, err := s.p.Loan()
		if err != nil {
			return 0, err
		}
		size := s.o.size - payload.HeadSize
		h, note := s.head(l.Value()), payload.NewNote(s.o.publisher, seq, last)
		h.Note, h.Sum = note, payload.FillTail(l.Tail()[:size], note)
		l.SetTail(size)
		l.SetKey(s.o.key(note))
		if err := l.Publish(ctx); err != nil {
			l.Discard()
			return 0, err
		}
		return 1, nil
	}
	for i := range n {
		it := &s.items[i]
		h, note := s.head(&it.Value), payload.NewNote(s.o.publisher, seq+uint64(i), last && i == n-1)
		h.Note, h.Sum = note, payload.FillTail(it.Tail, note)
		it.Key = s.o.key(note)
	}
	return s.p.PublishItems(ctx, s.items[:n])
}

func (s *tailSource[H]) putWith(ctx context.Context, seq uint64, w bus.With, last bool) error {
	it := &s.items[0]
	h, note := s.head(&it.Value), payload.NewNote(s.o.publisher, seq, last)
	h.Note, h.Sum = note, payload.FillTail(it.Tail, note)
	w.Tail = it.Tail
	return s.p.PublishWith(ctx, &it.Value, w)
}

func (s *tailSource[H]) close() error { return s.p.Close() }

type viewSink[T any] struct {
	s    *bus.Subscriber[T]
	read int
	fn   func(*T, *bus.Event) error
}

func newViewSink[T any](b *bus.Bus, o endOptions, fn func(*T, *bus.Event) error) (sink, error) {
	so := &bus.SubscribeOptions{Window: o.read, Filter: o.filter, Durable: o.durable}
	if o.durable != "" {
		so.HoldPolicy = bus.HoldBlock
	}
	s, err := bus.Subscribe[T](b, so)
	if err != nil {
		return nil, err
	}
	return &viewSink[T]{s: s, read: o.read, fn: fn}, nil
}

func (s *viewSink[T]) take(ctx context.Context) (int, error) { return s.s.ViewBatch(ctx, s.read, s.fn) }

func (s *viewSink[T]) tryTake() (int, error) { return s.s.TryViewBatch(s.read, s.fn) }

func (s *viewSink[T]) stats() bus.SubscriberStats { return s.s.Stats() }

func (s *viewSink[T]) close() error { return s.s.Close() }

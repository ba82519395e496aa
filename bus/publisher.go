package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
)

// PublisherOptions say how a publisher publishes. A nil *PublisherOptions means
// all defaults.
type PublisherOptions struct {
	// Type overrides what the type says of itself.
	Type TypeOptions
	// Exclusive gives the publisher ports of its own, which saves what
	// sharing costs; it may then be used by one goroutine at a time only, its
	// loans included. Two at a time are a panic where that is seen, and lose
	// events where it is not. Close and Stats may be called from any.
	Exclusive bool
	// RequireSubscriber makes every publish call fail with ErrNoSubscriber
	// while nobody takes events of the type on their lane. Who counts is every
	// subscription of a live process to that type and lane, whatever its other
	// conditions, those of this process included; and every durable one, or group,
	// that no process has, since it gets the event later. One whose process is
	// killed counts for about a millisecond more. To check costs a publisher about
	// 40 ns.
	RequireSubscriber bool
}

// PublisherStats count what one publisher did.
type PublisherStats struct {
	Published uint64 // events accepted
	Full      uint64 // times that a lane had no room
	Wakeups   uint64 // times that it woke subscriptions
	Unheard   uint64 // times that nobody took what it was to publish, see RequireSubscriber
}

// With is what an event may carry beside its value.
type With struct {
	Key  uint64 // 64-bit hash of what orders events; events of a key go to the same shard
	Tail []byte // variable bytes behind the value; copied
	Time int64  // see Now; 0 means now
	// Priority is the event's own, one that its type declares in Also; 0 means
	// the type's. Order holds within a lane: an event of another priority may be
	// received before or after those around it.
	Priority Priority

	parts *parts // of requests and replies
}

// noWith is for events that carry a value alone; nobody writes it.
var noWith With

// Item is an event of a batch.
type Item[T any] struct {
	Value T
	With
}

// Publisher publishes events of type T. Unless it is Exclusive it is safe for
// concurrent use; events of one goroutine keep their order within a lane.
type Publisher[T any] struct{ publisher }

// publisher is what publishers of all types share.
type publisher struct {
	bus      *Bus
	typ      goType
	lanes    []*laneUse // the shards of each priority that its type declares
	own      []*seat    // exclusive publishers: a seat per lane
	alone    *seat      // of an exclusive publisher with one lane, whoever listens; see swift
	levels   [priorities + 1]level
	audience *audience // nil unless somebody must be listening
	late     bool      // replies: publishes also while the bus drains
	closed   atomic.Bool
	tallies  []tally // of each seat of each lane
	full     atomic.Uint64
	unheard  atomic.Uint64
}

// level is what a publisher knows of a priority, by its number; number 0 is its
// type's own.
type level struct {
	first, shards int    // of its lanes; no shards if the type does not declare it
	room          int    // for the tail, in bytes
	stamp         bool   // whether events have a time
	bit           uint32 // of the bell
}

// lane is the index of the lane for a key.
func (l *level) lane(key uint64) int {
	if l.shards > 1 {
		return l.first + int(key%uint64(l.shards))
	}
	return l.first
}

// NewPublisher returns a publisher of T. It fails with a *SchemaError when
// another process declares T otherwise, with ErrNoPort when a lane of T has no
// seat left, with a *SizeError when T does not fit its slots, and otherwise as
// TypeFor, or with ErrClosed or ErrDraining.
func NewPublisher[T any](b *Bus, o *PublisherOptions) (*Publisher[T], error) {
	if o == nil {
		o = &PublisherOptions{}
	}
	if err := b.admit(); err != nil {
		return nil, err
	}
	defer b.leave()
	t, err := typeFor[T](b, o.Type)
	if err != nil {
		return nil, err
	}
	p := &Publisher[T]{publisher{bus: b, typ: t}}
	for _, priority := range t.also.with(t.priority).list() {
		if err := p.declare(priority); err != nil {
			return nil, err
		}
	}
	p.levels[0] = p.levels[t.priority]
	p.tallies = make([]tally, len(p.lanes)*b.opts.PortsPerLane)
	if o.RequireSubscriber {
		p.audience = newAudience(&t, p.lanes)
	}
	for _, l := range p.lanes {
		if !o.Exclusive {
			if err := l.open(); err != nil {
				return nil, err
			}
			continue
		}
		s, err := l.exclusive(eventHeader + t.size)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.own = append(p.own, s)
	}
	if len(p.own) == 1 && p.audience == nil {
		p.alone = p.own[0]
	}
	return p, nil
}

// Close gives back what the publisher holds: an exclusive one its ports. It ends waits
// for room, and is idempotent. Later calls return ErrClosed.
func (p *publisher) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	err := p.bus.guarded(func() error {
		for _, l := range p.lanes {
			l.WakeRoom()
		}
		return nil
	})
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	errs := []error{err}
	for _, s := range p.own {
		errs = append(errs, s.use.giveBack(s))
	}
	return errors.Join(errs...)
}

// Stats returns what this publisher has counted. It is safe for concurrent use.
func (p *publisher) Stats() PublisherStats {
	st := PublisherStats{Full: p.full.Load(), Unheard: p.unheard.Load()}
	for i := range p.tallies {
		st.Published += p.tallies[i].published.Load()
		st.Wakeups += p.tallies[i].wakeups.Load()
	}
	return st
}

// Type returns the id of the publisher's type.
func (p *publisher) Type() TypeID { return p.typ.id }

// MaxTail is how many bytes of tail an event of this publisher can carry at its
// type's own priority.
func (p *publisher) MaxTail() int { return p.levels[0].room }

// declare adds the lanes of a priority.
func (p *publisher) declare(priority Priority) error {
	geo := p.bus.region.geo.Lane(priority)
	p.levels[priority] = level{
		first: len(p.lanes), shards: geo.Shards, room: geo.SlotSize - eventHeader - p.typ.size,
		stamp: !geo.NoTime, bit: eventBit(priority, p.typ.id),
	}
	for _, l := range p.bus.lanes {
		if l.priority == priority {
			p.lanes = append(p.lanes, l)
		}
	}
	_, err := p.route(&With{Priority: priority})
	return err
}

// route returns the index of the lane of an event, if it fits.
func (p *publisher) route(w *With) (int, error) {
	if int(w.Priority) >= len(p.levels) || p.levels[w.Priority].shards == 0 {
		return 0, fmt.Errorf("%w: type %s does not declare %s as a priority; add it to Also of its TypeOptions", ErrOptions, p.typ.name, w.Priority)
	}
	level := &p.levels[w.Priority]
	if n := w.parts.size() + len(w.Tail); n > level.room {
		l := p.lanes[level.first]
		return 0, &SizeError{Lane: l.name(), Need: eventHeader + p.typ.size + n, Slot: l.Geometry().SlotSize}
	}
	return level.lane(w.Key), nil
}

// take locks the seat for a lane.
func (p *publisher) take(lane int) (*seat, error) {
	if p.closed.Load() {
		return nil, fmt.Errorf("publisher: %w", ErrClosed)
	}
	if p.own == nil {
		return p.lanes[lane].take(p.late)
	}
	s := p.own[lane]
	s.mu.Lock()
	if s.closed || s.draining {
		return s.check(p.late)
	}
	return s, nil
}

// shut tells why a seat that is locked publishes nothing more.
func (p *publisher) shut(s *seat) error {
	if p.closed.Load() {
		return fmt.Errorf("publisher: %w", ErrClosed)
	}
	return s.refusal(p.late)
}

// over tells why a wait for room is to end.
func (p *publisher) over() error {
	if p.closed.Load() {
		return fmt.Errorf("publisher: %w", ErrClosed)
	}
	err := p.bus.refusal()
	if p.late && errors.Is(err, ErrDraining) {
		return nil
	}
	return err
}

// Publish publishes a copy of *v. While a reliable lane has no room it waits
// for some, until ctx is done. On return without error the event is accepted; where
// others publish on the same Normal or Low lane at the same time, it may return 5 us
// later than that, and they go first.
// The errors of all publish calls are ErrFull (Try calls, and a *FullError where
// ctx ended the wait), ErrNoSubscriber (with RequireSubscriber), ErrClosed,
// ErrDraining, ErrNoSlot (every slot is on loan or pinned), a *SizeError,
// ErrCorrupt, ErrFault, what ended ctx, and ErrOptions for a priority that the
// type does not declare.
func (p *Publisher[T]) Publish(ctx context.Context, v *T) error {
	return p.publish(ctx, codec.AsBytes(v), &noWith, true)
}

// PublishWith publishes a copy of *v with a key, a tail, a time or a priority.
func (p *Publisher[T]) PublishWith(ctx context.Context, v *T, w With) error {
	return p.publish(ctx, codec.AsBytes(v), &w, true)
}

// TryPublish publishes a copy of *v, or returns ErrFull.
func (p *Publisher[T]) TryPublish(v *T) error {
	return p.publish(context.Background(), codec.AsBytes(v), &noWith, false)
}

// TryPublishWith publishes a copy of *v with a key, a tail, a time or a priority,
// or returns ErrFull.
func (p *Publisher[T]) TryPublishWith(v *T, w With) error {
	return p.publish(context.Background(), codec.AsBytes(v), &w, false)
}

// PublishBatch publishes copies of vs in order, and returns how many it has
// published. Events of others may lie between them. It wakes subscribers once, and
// reads the clock once, for every 64 events.
func (p *Publisher[T]) PublishBatch(ctx context.Context, vs []T) (int, error) {
	return publishBatch(ctx, &p.publisher, batch[T]{values: vs})
}

// PublishItems publishes items in order, as PublishBatch does. Where they go to
// several lanes, by their keys and priorities, the order holds within each.
func (p *Publisher[T]) PublishItems(ctx context.Context, items []Item[T]) (int, error) {
	return publishBatch(ctx, &p.publisher, batch[T]{items: items})
}

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
	// sharing costs; it may then be used by one goroutine at a time only.
	Exclusive bool
	// RequireSubscriber makes every publish call fail with ErrNoSubscriber
	// while nobody takes events of the type on their lane. Who counts is every
	// subscription of a live process to that type and lane, whatever its other
	// conditions, those of this process included; and every durable one that no
	// process has, since it gets the event later. One whose process is killed
	// counts for at most a millisecond more. To check costs a publisher about
	// 40 ns.
	RequireSubscriber bool
}

// PublisherStats count what one publisher did.
type PublisherStats struct {
	Published uint64 // events accepted
	Full      uint64 // times that a lane had no room
}

// With is what an event may carry beside its value.
type With struct {
	Key  uint64 // 64-bit hash of what orders events; events of a key go to the same shard
	Tail []byte // variable bytes behind the value; copied
	Time int64  // see Now; 0 means now
}

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
	bus       *Bus
	typ       goType
	lanes     []*laneUse // the shards of its priority
	own       []*seat    // exclusive publishers: a seat per shard
	audience  *audience  // nil unless somebody must be listening
	room      int        // for the tail, in bytes
	stamp     bool
	closed    atomic.Bool
	published atomic.Uint64
	full      atomic.Uint64
}

// NewPublisher returns a publisher of T. It fails with a *SchemaError when
// another process declares T otherwise, with ErrNoPort when the lane has no
// seat left, and with a *SizeError when T does not fit the lane's slots.
func NewPublisher[T any](b *Bus, o *PublisherOptions) (*Publisher[T], error) {
	if o == nil {
		o = &PublisherOptions{}
	}
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	t, err := typeFor[T](b, o.Type)
	if err != nil {
		return nil, err
	}
	p := &Publisher[T]{publisher{bus: b, typ: t, stamp: !b.region.geo.Lane(t.priority).NoTime}}
	for _, l := range b.lanes {
		if l.priority == t.priority {
			p.lanes = append(p.lanes, l)
		}
	}
	if o.RequireSubscriber {
		p.audience = newAudience(p.lanes, t)
	}
	p.room = p.lanes[0].Geometry().SlotSize - eventHeader - t.size
	if err := p.fits(0); err != nil {
		return nil, err
	}
	for _, l := range p.lanes {
		if !o.Exclusive {
			if err := l.open(); err != nil {
				return nil, err
			}
			continue
		}
		s, err := l.exclusive()
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.own = append(p.own, s)
	}
	return p, nil
}

// Close gives back what the publisher holds: an exclusive one its ports. It is
// idempotent. Later calls return ErrClosed.
func (p *publisher) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, s := range p.own {
		errs = append(errs, s.use.giveBack(s))
	}
	return errors.Join(errs...)
}

// Stats returns what this publisher has counted. It is safe for concurrent use.
func (p *publisher) Stats() PublisherStats {
	return PublisherStats{Published: p.published.Load(), Full: p.full.Load()}
}

// Type returns the id of the publisher's type.
func (p *publisher) Type() TypeID { return p.typ.id }

// MaxTail is how many bytes of tail an event of this publisher can carry.
func (p *publisher) MaxTail() int { return p.room }

func (p *publisher) fits(tail int) error {
	if tail > p.room {
		l := p.lanes[0]
		return &SizeError{Lane: l.name(), Need: eventHeader + p.typ.size + tail, Slot: l.Geometry().SlotSize}
	}
	return nil
}

// shard is the index of the lane for a key.
func (p *publisher) shard(key uint64) int {
	if n := len(p.lanes); n > 1 {
		return int(key % uint64(n))
	}
	return 0
}

// take locks the seat for a shard.
func (p *publisher) take(shard int) (*seat, error) {
	if p.closed.Load() {
		return nil, fmt.Errorf("publisher: %w", ErrClosed)
	}
	if p.own == nil {
		return p.lanes[shard].take()
	}
	s := p.own[shard]
	s.mu.Lock()
	return s.check()
}

// Publish publishes a copy of *v. While a reliable lane has no room it waits
// for some, until ctx is done. On return without error the event is accepted.
// The errors of all publish calls are ErrFull (Try calls), ErrNoSubscriber (with
// RequireSubscriber), ErrClosed, ErrNoSlot (every slot is on loan or pinned), a
// *SizeError, ErrCorrupt, ErrFault, and what ended ctx.
func (p *Publisher[T]) Publish(ctx context.Context, v *T) error {
	return p.publish(ctx, codec.AsBytes(v), With{}, true)
}

// PublishWith publishes a copy of *v with a key, a tail or a time.
func (p *Publisher[T]) PublishWith(ctx context.Context, v *T, w With) error {
	return p.publish(ctx, codec.AsBytes(v), w, true)
}

// TryPublish publishes a copy of *v, or returns ErrFull.
func (p *Publisher[T]) TryPublish(v *T) error {
	return p.publish(context.Background(), codec.AsBytes(v), With{}, false)
}

// TryPublishWith publishes a copy of *v with a key, a tail or a time, or
// returns ErrFull.
func (p *Publisher[T]) TryPublishWith(v *T, w With) error {
	return p.publish(context.Background(), codec.AsBytes(v), w, false)
}

// PublishBatch publishes copies of vs in order, and returns how many it has
// published. Events of others may lie between them. It wakes subscribers once.
func (p *Publisher[T]) PublishBatch(ctx context.Context, vs []T) (int, error) {
	return publishBatch(ctx, &p.publisher, batch[T]{values: vs})
}

// PublishItems publishes items in order, as PublishBatch does. On a priority of
// several shards the order holds within each.
func (p *Publisher[T]) PublishItems(ctx context.Context, items []Item[T]) (int, error) {
	return publishBatch(ctx, &p.publisher, batch[T]{items: items})
}

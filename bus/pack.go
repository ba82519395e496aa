package bus

import (
	"context"
	"fmt"
	"reflect"

	"github.com/rvoip/shmbus/codec"
)

// pack is the type under which values of T travel together. The first is the value of
// the event and the others are its tail, right behind it:
//
//	| header | first | second | ... |
//
// A pack costs one exchange, one header and one call, however many values it has.
type pack[T any] struct{ First T }

// EventType is that of T under another name, so that neither is taken for the other.
func (pack[T]) EventType() TypeOptions {
	o := declared[T](reflect.TypeFor[T](), TypeOptions{})
	o.Name += "[]"
	return o
}

// packed views the values of a pack. The event is bounded, and its first value has the
// size of T.
func packed[T any](e *Event) ([]T, error) {
	size, tail := int(e.raw.value()), int(e.raw.tail())
	if size == 0 || tail%size != 0 {
		return nil, fmt.Errorf("%w: event %d of lane %s is to be a pack of values of %d bytes, and has %d behind the first",
			ErrCorrupt, e.pos, e.lane.name(), size, tail)
	}
	return codec.CastAll[T](e.slot[e.at : e.at+size+tail]), nil
}

// AsPack gives a typed view of a pack of T in place, and whether e is one: T must have
// been registered by PackTypeFor, or by an end of packs of T. The view is valid for as
// long as e is.
func AsPack[T any](e *Event) ([]T, bool) {
	if _, ok := As[pack[T]](e); !ok {
		return nil, false
	}
	vs, err := packed[T](e)
	return vs, err == nil
}

// PackTypeFor is TypeFor for packs of T. Their type has the name of T, which may have 61
// bytes, and "[]", unless the options of an end give them another. It returns ErrOptions
// for a T without size.
func PackTypeFor[T any](b *Bus) (TypeID, error) {
	if err := packable[T](); err != nil {
		return 0, err
	}
	return TypeFor[pack[T]](b)
}

// HandlePacks is Handle for packs of T. It returns ErrOptions for a T without size.
func HandlePacks[T any](b *Bus, o *HandlerOptions, fn func(ctx context.Context, vs []T, e *Event) error) (*Handler, error) {
	if err := packable[T](); err != nil {
		return nil, err
	}
	return Handle(b, o, func(ctx context.Context, _ *pack[T], e *Event) error {
		vs, err := packed[T](e)
		if err != nil {
			return err
		}
		return fn(ctx, vs, e)
	})
}

// PackPublisher publishes packs: several values of type T as one event. What many
// small values are published by at once, packs carry at a fraction of the cost; but a
// pack is one event: its values have one position, key and time, are received or
// missed together, and are counted as one. The lane's SlotSize says how many fit.
//
// Packs of T are a type of their own, beside T. A PackPublisher is in all else like a
// Publisher.
type PackPublisher[T any] struct {
	p    *Publisher[pack[T]]
	size int
}

// packable refuses what a pack cannot hold.
func packable[T any]() error {
	if len(codec.AsBytes(new(T))) == 0 {
		return fmt.Errorf("%w: %v has no size; a pack of it would be nothing", ErrOptions, reflect.TypeFor[T]())
	}
	return nil
}

// NewPackPublisher makes a publisher of packs of T. Its errors are those of
// NewPublisher, and ErrOptions for a T without size.
func NewPackPublisher[T any](b *Bus, o *PublisherOptions) (*PackPublisher[T], error) {
	if err := packable[T](); err != nil {
		return nil, err
	}
	p, err := NewPublisher[pack[T]](b, o)
	if err != nil {
		return nil, err
	}
	return &PackPublisher[T]{p, len(codec.AsBytes(new(T)))}, nil
}

// Most is how many values fit a pack of the type's own priority; see MaxTail.
func (p *PackPublisher[T]) Most() int { return 1 + p.p.MaxTail()/p.size }

// Publish publishes a copy of vs as one event, waiting for room until ctx is done. It
// returns ErrOptions if vs is empty and a *SizeError if there are more than Most; its
// other errors are those of Publisher.Publish.
func (p *PackPublisher[T]) Publish(ctx context.Context, vs []T) error {
	return p.PublishWith(ctx, vs, With{})
}

// PublishWith publishes a copy of vs as one event with a key, a time or a priority.
func (p *PackPublisher[T]) PublishWith(ctx context.Context, vs []T, w With) error {
	value, err := split(vs, &w)
	if err != nil {
		return err
	}
	return p.p.publish(ctx, value, &w, true)
}

// TryPublish publishes a copy of vs as one event, or returns ErrFull.
func (p *PackPublisher[T]) TryPublish(vs []T) error { return p.TryPublishWith(vs, With{}) }

// TryPublishWith publishes a copy of vs as one event with a key, a time or a priority,
// or returns ErrFull.
func (p *PackPublisher[T]) TryPublishWith(vs []T, w With) error {
	value, err := split(vs, &w)
	if err != nil {
		return err
	}
	return p.p.publish(context.Background(), value, &w, false)
}

// split is what of a pack is the value of its event; w gets the tail.
func split[T any](vs []T, w *With) ([]byte, error) {
	switch {
	case len(vs) == 0:
		return nil, fmt.Errorf("%w: an empty pack; publish at least one value", ErrOptions)
	case len(w.Tail) > 0:
		return nil, fmt.Errorf("%w: a pack has no tail beside its values", ErrOptions)
	}
	w.Tail = codec.AllBytes(vs[1:])
	return codec.AsBytes(&vs[0]), nil
}

// PublishBatch publishes copies of vs in order, in as few packs as they fit, and
// returns how many values it has published. Events of others may lie between packs.
func (p *PackPublisher[T]) PublishBatch(ctx context.Context, vs []T) (int, error) {
	for done, most := 0, p.Most(); done < len(vs); {
		n := min(most, len(vs)-done)
		if err := p.Publish(ctx, vs[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(vs), nil
}

// Loan lends the slot of a pack, to be filled in place. It never waits: ErrNoSlot says
// that the loans are all out.
func (p *PackPublisher[T]) Loan() (PackLoan[T], error) { return p.LoanWith(With{}) }

// LoanWith lends the slot of a pack with a key, a time or a priority.
func (p *PackPublisher[T]) LoanWith(w With) (PackLoan[T], error) {
	if len(w.Tail) > 0 {
		return PackLoan[T]{}, fmt.Errorf("%w: a pack has no tail beside its values", ErrOptions)
	}
	l, err := p.p.LoanWith(w)
	return PackLoan[T]{l}, err
}

// Type is the id of packs of T.
func (p *PackPublisher[T]) Type() TypeID { return p.p.Type() }

// Stats returns what this publisher has counted, in packs. It is safe for concurrent
// use.
func (p *PackPublisher[T]) Stats() PublisherStats { return p.p.Stats() }

// Close is Publisher.Close.
func (p *PackPublisher[T]) Close() error { return p.p.Close() }

// PackLoan is a slot lent for a pack. It is in all else like a Loan.
type PackLoan[T any] struct{ l Loan[pack[T]] }

// Values is the room for the values, in the slot of the loan's priority. The first is
// zeroed, the others hold what an earlier event has left: write all that are to be
// published.
func (l *PackLoan[T]) Values() []T {
	l.l.check()
	return codec.CastAll[T](l.l.slot[eventHeader:])
}

// SetKey gives the pack a key, as Loan.SetKey.
func (l *PackLoan[T]) SetKey(key uint64) { l.l.SetKey(key) }

// Publish publishes the first n of Values, waiting for room until ctx is done. The
// loan is spent when it returns without error; otherwise it is still out. It returns
// ErrOptions if there are no n.
func (l *PackLoan[T]) Publish(ctx context.Context, n int) error {
	if err := l.set(n); err != nil {
		return err
	}
	return l.l.Publish(ctx)
}

// TryPublish publishes the first n of Values, or returns ErrFull; the loan is then
// still out.
func (l *PackLoan[T]) TryPublish(n int) error {
	if err := l.set(n); err != nil {
		return err
	}
	return l.l.TryPublish()
}

// set says how many of the values belong to the pack.
func (l *PackLoan[T]) set(n int) error {
	if l.l.seat == nil {
		return ErrSpent
	}
	if most := len(l.Values()); n < 1 || n > most {
		return fmt.Errorf("%w: a pack of %d values; want 1 to %d", ErrOptions, n, most)
	}
	l.l.SetTail((n - 1) * l.l.p.typ.size)
	return nil
}

// Discard gives the slot back unpublished. It does nothing to a spent loan.
func (l *PackLoan[T]) Discard() { l.l.Discard() }

package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/ring"
)

// Loan is a slot lent to the caller, to be filled in place and then published
// or discarded. Each process has Batch loans for each of its ports on a lane;
// a loan that is never given back is lost to them until the process ends. It
// belongs to one goroutine at a time, and of an exclusive publisher to the one that
// uses that. The memory stays mapped while it is out.
// Of copies of a Loan, the first that is published or discarded ends them all.
type Loan[T any] struct {
	p        *Publisher[T]
	seat     *seat
	cell     int
	turn     uint32 // of the cell: tells a copy that the loan has ended
	lane     int
	slot     []byte
	tail     int
	key      uint64
	time     int64
	priority Priority
}

// Loan lends a slot. Its value is zeroed; its tail is not. It never waits:
// ErrNoSlot says that the loans are all out. On a priority with several shards
// LoanFor says which one.
func (p *Publisher[T]) Loan() (Loan[T], error) { return p.LoanWith(With{}) }

// LoanFor lends a slot for an event with that key.
func (p *Publisher[T]) LoanFor(key uint64) (Loan[T], error) { return p.LoanWith(With{Key: key}) }

// LoanWith lends a slot for an event with a key, a time or a priority. If there
// is a tail, a copy of it is in the slot.
func (p *Publisher[T]) LoanWith(w With) (Loan[T], error) {
	var one [1]Loan[T]
	_, err := p.lend(&w, one[:])
	return one[0], err
}

// lend lends slots of one port: at least one, and as many of loans as it has.
func (p *Publisher[T]) lend(w *With, loans []Loan[T]) (n int, err error) {
	lane, err := p.route(w)
	if err != nil {
		return 0, err
	}
	s, err := p.take(lane)
	if err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	defer p.bus.caught(protect(), &err)
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		if s, cell, slot, err = p.elsewhere(lane, s, err); err != nil {
			return 0, err
		}
		defer s.mu.Unlock()
	}
	for {
		// First what may fault: a loan that nobody gets would never end.
		clear(slot[eventHeader : eventHeader+p.typ.size])
		tail := copy(slot[eventHeader+p.typ.size:], w.Tail)
		s.loans++
		s.lent[cell]++
		// Field by field: a Loan made elsewhere would be copied by loads that are wider
		// than the stores before, and wait for all of these, into the slot too.
		l := &loans[n]
		l.p, l.seat, l.cell, l.turn, l.lane = p, s, cell, s.lent[cell], lane
		l.slot, l.tail, l.key, l.time, l.priority = slot, tail, w.Key, w.Time, w.Priority
		if n++; n == len(loans) {
			return n, nil
		}
		if cell, slot, err = s.prod.Reserve(); err != nil {
			return n, nil // the rest is for another port to lend
		}
	}
}

// elsewhere reserves a slot of the other seats of this process when the
// loans of one are out. It returns a locked seat.
func (p *publisher) elsewhere(lane int, not *seat, err error) (*seat, int, []byte, error) {
	if !errors.Is(err, ring.ErrNoSlot) || p.own != nil {
		return nil, 0, nil, not.explain(err)
	}
	l := p.lanes[lane]
	for n := range p.bus.opts.PortsPerLane {
		seats := *l.seats.Load()
		if n >= len(seats) {
			if _, gerr := l.grow(n); gerr != nil {
				break
			}
			seats = *l.seats.Load()
		}
		s := seats[n]
		if s == not || !s.mu.TryLock() {
			continue
		}
		if cell, slot, ok := s.reserve(p.late); ok {
			return s, cell, slot, nil
		}
	}
	return nil, 0, nil, not.explain(err)
}

// reserve reserves a slot of a locked seat, which it unlocks if it has none, or if
// the memory has gone.
func (s *seat) reserve(late bool) (cell int, slot []byte, ok bool) {
	defer func() {
		if !ok {
			s.mu.Unlock()
		}
	}()
	if s.refusal(late) != nil {
		return 0, nil, false
	}
	cell, slot, err := s.prod.Reserve()
	return cell, slot, err == nil
}

// Value is the event's value, in the slot.
func (l *Loan[T]) Value() *T {
	l.check()
	return codec.Cast[T](l.slot[eventHeader:])
}

// Tail is all the room behind the value, in the slot. SetTail says how much of
// it is used.
func (l *Loan[T]) Tail() []byte {
	l.check()
	return l.slot[eventHeader+l.p.typ.size:]
}

// SetTail says that the first n bytes of Tail belong to the event.
func (l *Loan[T]) SetTail(n int) {
	if n < 0 || n > len(l.Tail()) {
		panic(fmt.Sprintf("bus: SetTail(%d) of a loan with room for %d", n, len(l.Tail())))
	}
	l.tail = n
}

// SetKey gives the event a key. On a priority of several shards it must belong
// to the shard of the loan, as the key that LoanFor or LoanWith was given does;
// Publish returns ErrOptions otherwise.
func (l *Loan[T]) SetKey(key uint64) { l.key = key }

// Publish publishes the event, waiting for room until ctx is done. The loan is
// spent when it returns without error; otherwise it is still out.
func (l *Loan[T]) Publish(ctx context.Context) error { return l.publish(ctx, true) }

// TryPublish publishes the event, or returns ErrFull; the loan is then still out.
func (l *Loan[T]) TryPublish() error { return l.publish(context.Background(), false) }

// ready tells why the loan cannot be published.
func (l *Loan[T]) ready() error {
	if l.seat == nil {
		return ErrSpent
	}
	if lane := l.p.levels[l.priority].lane(l.key); lane != l.lane {
		return fmt.Errorf("%w: key %d belongs to lane %s, the loan to %s; ask LoanFor", ErrOptions, l.key, l.p.lanes[lane].name(), l.seat.use.name())
	}
	return nil
}

func (l *Loan[T]) publish(ctx context.Context, wait bool) error {
	if err := l.ready(); err != nil {
		return err
	}
	if wait {
		if err := ended(ctx); err != nil {
			return err
		}
	}
	for heard := false; ; {
		err := l.attempt(heard)
		if err == nil {
			return nil
		}
		if heard, err = l.p.refused(ctx, l.lane, err, wait); err != nil {
			return err
		}
	}
}

func (l *Loan[T]) attempt(heard bool) (err error) {
	s, p := l.seat, l.p
	s.mu.Lock()
	defer s.unlock()
	if s.lent[l.cell] != l.turn {
		return ErrSpent
	}
	if err := p.shut(s); err != nil {
		return fmt.Errorf("%w; the loan can only be discarded", err)
	}
	defer p.bus.caught(protect(), &err)
	if p.audience != nil && !heard && !p.audience.listens(s.use, l.lane) {
		return errUnheard
	}
	p.head(l.slot, l.priority, l.key, l.tail, l.time, 0)
	s.prod.Tag(l.cell, ring.Tag(l.key))
	if _, err := s.prod.Publish(l.cell); err != nil {
		return p.failed(s, err)
	}
	s.loans--
	s.lent[l.cell]++
	l.seat, l.slot = nil, nil
	p.accepted(s, l.lane, 1, l.priority)
	p.ringKey(s, l.lane, l.key)
	return nil
}

// spend ends the turn of a lent cell, once. s.mu is held.
func (s *seat) spend(cell int, turn uint32) bool {
	if s.lent[cell] != turn {
		return false
	}
	s.lent[cell]++
	return true
}

// Discard gives the slot back unpublished. It does nothing to a spent loan.
func (l *Loan[T]) Discard() {
	s := l.seat
	if s == nil {
		return
	}
	l.seat, l.slot = nil, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.spend(l.cell, l.turn) {
		return // a copy of the loan has ended it
	}
	s.prod.Cancel(l.cell)
	s.loans--
	_ = s.settle()
}

func (l *Loan[T]) check() {
	if l.seat == nil {
		panic("bus: use of a loan that has been published or discarded")
	}
}

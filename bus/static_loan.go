package bus

import (
	"context"
	"fmt"

	"github.com/rvoip/shmbus/codec"
)

// StaticLoan is a slot of a static ring lent to the caller, to be filled in place
// and then published or discarded. A publisher has Batch of them at a time. It
// belongs to one goroutine at a time, the one that uses the publisher. The memory
// stays mapped while it is out. Of copies of a StaticLoan, the first that is
// published or discarded ends them all.
type StaticLoan[T any] struct {
	p    *StaticPublisher[T]
	v    *T
	cell int
	turn uint32 // of the cell: tells a copy that the loan has ended
}

// Loan lends a slot, zeroed. It never waits: ErrNoSlot says that the loans are all
// out.
func (p *StaticPublisher[T]) Loan() (l StaticLoan[T], err error) {
	s := p.seat
	s.mu.Lock()
	defer s.leave(protect(), &err)
	if s.closed || s.draining {
		return l, p.gone()
	}
	cell, slot, err := s.prod.Reserve()
	if err != nil {
		return l, s.explain(err)
	}
	// First what may fault: a loan that nobody gets would never end.
	v := codec.Cast[T](slot)
	clear(codec.AsBytes(v))
	s.loans++
	s.lent[cell]++
	return StaticLoan[T]{p: p, v: v, cell: cell, turn: s.lent[cell]}, nil
}

// Value is the event, in its slot.
func (l *StaticLoan[T]) Value() *T {
	if l.v == nil {
		panic("bus: use of a loan that has been published or discarded")
	}
	return l.v
}

// Publish publishes the event, waiting for room until ctx is done. The loan is
// spent when it returns without error; otherwise it is still out.
func (l *StaticLoan[T]) Publish(ctx context.Context) error {
	if l.v == nil {
		return ErrSpent
	}
	if err := ended(ctx); err != nil {
		return err
	}
	for {
		err := l.attempt()
		if err != ErrFull {
			return err
		}
		if err := l.p.awaitRoom(ctx); err != nil {
			return err
		}
	}
}

// TryPublish publishes the event, or returns ErrFull; the loan is then still out.
func (l *StaticLoan[T]) TryPublish() error {
	if l.v == nil {
		return ErrSpent
	}
	for {
		err := l.attempt()
		if err != ErrFull {
			return err
		}
		if err := l.p.full(); err != nil {
			return err
		}
	}
}

func (l *StaticLoan[T]) attempt() (err error) {
	p, s := l.p, l.p.seat
	s.mu.Lock()
	defer s.leave(protect(), &err)
	if s.lent[l.cell] != l.turn {
		return ErrSpent
	}
	if s.closed || s.draining {
		return fmt.Errorf("%w; the loan can only be discarded", p.gone())
	}
	if _, err := s.prod.Publish(l.cell); err != nil {
		return p.refused(err)
	}
	p.stats.Published++
	s.way.run++
	s.loans--
	s.lent[l.cell]++
	l.v = nil
	p.wake()
	return nil
}

// Discard gives the slot back unpublished. It does nothing to a spent loan.
func (l *StaticLoan[T]) Discard() {
	if l.v == nil {
		return
	}
	l.v = nil
	s := l.p.seat
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lent[l.cell] != l.turn {
		return // a copy of the loan has ended it
	}
	s.prod.Cancel(l.cell)
	s.loans--
	s.lent[l.cell]++
	_ = s.settle()
}

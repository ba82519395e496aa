package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/ring"
)

// LoanBatch lends a slot for each of loans, to be filled in place and published
// together, and returns how many it has lent: the first n. It never waits; fewer
// than asked for are no error, and ErrNoSlot says that there was none. Values are
// zeroed, tails are not. All belong to one lane; LoanBatchFor and LoanBatchWith say
// which one. It panics on a loan that is still out.
func (p *Publisher[T]) LoanBatch(loans []Loan[T]) (n int, err error) {
	return p.LoanBatchWith(With{}, loans)
}

// LoanBatchFor lends slots for events with that key.
func (p *Publisher[T]) LoanBatchFor(key uint64, loans []Loan[T]) (n int, err error) {
	return p.LoanBatchWith(With{Key: key}, loans)
}

// LoanBatchWith lends slots for events with a key, a tail, a time or a priority,
// as LoanWith does.
func (p *Publisher[T]) LoanBatchWith(w With, loans []Loan[T]) (n int, err error) {
	for i := range loans {
		if loans[i].seat != nil {
			panic(fmt.Sprintf("bus: LoanBatch over loan %d, which is still out", i))
		}
	}
	for n < len(loans) {
		m, err := p.lend(&w, loans[n:])
		n += m
		if errors.Is(err, ErrNoSlot) && n > 0 {
			break
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// PublishLoans publishes loans of this publisher in order, and returns how many
// it has published: the first n. Those are spent, the others are still out, to
// be published later or discarded. While a reliable lane has no room it waits for
// some, until ctx is done. Events of others may lie between them. It wakes
// subscribers once, or once for each port that the loans are of.
//
// A loan that is spent, and one whose key belongs to another shard, are found
// before anything is published: ErrSpent, ErrOptions. Its other errors are those
// of Publish.
func (p *Publisher[T]) PublishLoans(ctx context.Context, loans []Loan[T]) (n int, err error) {
	return p.publishLoans(ctx, loans, true)
}

// TryPublishLoans is PublishLoans without waiting: what a full lane has no room
// for is still out, and the error is ErrFull.
func (p *Publisher[T]) TryPublishLoans(loans []Loan[T]) (n int, err error) {
	return p.publishLoans(context.Background(), loans, false)
}

// DiscardLoans gives slots back unpublished. It does nothing to spent loans.
func (p *Publisher[T]) DiscardLoans(loans []Loan[T]) {
	for i := range loans {
		loans[i].Discard()
	}
}

func (p *Publisher[T]) publishLoans(ctx context.Context, loans []Loan[T], wait bool) (done int, err error) {
	for i := range loans {
		if err := loans[i].ready(); err != nil {
			return 0, fmt.Errorf("loan %d: %w", i, err)
		}
		if loans[i].p != p {
			return 0, fmt.Errorf("%w: loan %d is of another publisher", ErrOptions, i)
		}
	}
	if wait {
		if err := ended(ctx); err != nil {
			return 0, err
		}
	}
	heard := false
	for done < len(loans) {
		n, err := p.attemptLoans(loans[done:], heard)
		done += n
		heard = false
		if err != nil {
			if heard, err = p.refused(ctx, loans[done].lane, err, wait); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// attemptLoans publishes the loans in front that are of the same port, or as
// many of them as there is room for.
func (p *Publisher[T]) attemptLoans(loans []Loan[T], heard bool) (n int, err error) {
	s := loans[0].seat
	s.mu.Lock()
	defer s.unlock()
	run := 0
	for run < min(len(loans), maxChunk) && loans[run].seat == s && s.spend(loans[run].cell, loans[run].turn) {
		run++
	}
	// Only looked for: a copy of a loan that comes twice.
	for i := range run {
		s.lent[loans[i].cell] = loans[i].turn
	}
	if run == 0 {
		return 0, ErrSpent
	}
	if err := p.shut(s); err != nil {
		return 0, fmt.Errorf("%w; the loans can only be discarded", err)
	}
	defer p.bus.caught(protect(), &err)
	if p.audience != nil && !heard && !p.audience.listens(s.use, loans[0].lane) {
		return 0, errUnheard
	}
	var cells [maxChunk]int
	at := p.now(loans[0].priority) // they are published together
	for i := range run {
		l := &loans[i]
		p.head(l.slot, l.priority, l.key, l.tail, cmp.Or(l.time, at), 0)
		s.prod.Tag(l.cell, ring.Tag(l.key))
		cells[i] = l.cell
	}
	lane, priority := loans[0].lane, loans[0].priority
	n, _, err = s.prod.PublishBatch(cells[:run])
	for i := range n {
		l := &loans[i]
		s.spend(l.cell, l.turn)
		s.loans--
		l.seat, l.slot = nil, nil
	}
	if n > 0 {
		p.accepted(s, lane, n, priority)
		for i := range n {
			p.ringKey(s, lane, loans[i].key)
		}
	}
	if err != nil {
		return n, p.failed(s, err)
	}
	return n, nil
}

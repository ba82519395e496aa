package bus_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func newLoan(t testing.TB, p *bus.Publisher[tick]) bus.Loan[tick] {
	t.Helper()
	l, err := p.Loan()
	require.NoError(t, err)
	return l
}

func TestLoanIsFilledInPlaceAndPublished(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		l := newLoan(t, pub)
		assert.Zero(t, *l.Value(), "the value is zeroed")
		assert.Len(t, l.Tail(), pub.MaxTail())
		l.Value().Seq = 5
		l.SetTail(copy(l.Tail(), "tail"))
		l.SetKey(77)
		requireEmpty(t, sub) // nobody sees it before it is published
		require.NoError(t, l.Publish(background()))
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(5), m.Value.Seq)
		assert.Equal(t, "tail", string(m.Tail))
		assert.Equal(t, uint64(77), m.Key)
		assert.NotZero(t, m.Time)
		assert.Equal(t, uint64(1), pub.Stats().Published)
	})
}

func TestLoanOfAReusedSlotIsZeroed(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		for range 300 {
			l := newLoan(t, pub)
			require.Zero(t, *l.Value())
			l.Value().Data = [16]byte{1, 2, 3, 15: 9}
			require.NoError(t, l.TryPublish())
		}
	})
}

func TestLoanSpentOrDiscarded(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		l := newLoan(t, pub)
		require.NoError(t, l.TryPublish())
		assert.ErrorIs(t, l.Publish(background()), bus.ErrSpent)
		assert.ErrorIs(t, l.TryPublish(), bus.ErrSpent)
		assert.Panics(t, func() { l.Value() })
		assert.Panics(t, func() { l.Tail() })
		assert.Panics(t, func() { l.SetTail(0) })
		l.Discard()

		l = newLoan(t, pub)
		assert.Panics(t, func() { l.SetTail(-1) })
		assert.Panics(t, func() { l.SetTail(pub.MaxTail() + 1) })
		l.Discard()
		l.Discard()
		assert.ErrorIs(t, l.TryPublish(), bus.ErrSpent)
		requireTicks(t, sub, 0, 1)
	})
}

// Whoever has loans out, the others are not made to wait: there is an error.
func TestLoansBeyondTheCells(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		const batch, ports = 8, 2
		pub := newPub[tick](t, b, nil)
		var loans []bus.Loan[tick]
		for range batch * ports {
			loans = append(loans, newLoan(t, pub))
		}
		_, err := pub.Loan()
		require.ErrorIs(t, err, bus.ErrNoSlot)
		assert.ErrorIs(t, pub.Publish(background(), &tick{}), bus.ErrNoSlot)
		assert.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSlot)
		_, err = pub.PublishBatch(background(), make([]tick, 2))
		assert.ErrorIs(t, err, bus.ErrNoSlot)

		mine := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
		assert.NoError(t, mine.TryPublish(&tick{}), "an exclusive publisher has its own slots")
		for range batch {
			loans = append(loans, newLoan(t, mine))
		}
		_, err = mine.Loan()
		assert.ErrorIs(t, err, bus.ErrNoSlot)

		loans[0].Discard()
		l := newLoan(t, pub)
		l.Discard()
		for i := range loans {
			loans[i].Discard()
		}
		require.NoError(t, pub.TryPublish(&tick{}))
	})
}

// Loans of one port do not stand in the way of what another port can publish.
func TestPublishWhileOnePortIsOnLoan(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		var loans []bus.Loan[tick]
		for range 8 {
			loans = append(loans, newLoan(t, pub))
		}
		require.NoError(t, pub.TryPublish(&tick{Seq: 0}))
		require.NoError(t, pub.Publish(background(), &tick{Seq: 1}))
		n, err := pub.PublishBatch(background(), []tick{{Seq: 2}, {Seq: 3}})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		requireTicks(t, sub, 0, 4)
		for i := range loans {
			loans[i].Discard()
		}
	})
}

func TestLoanOnAFullLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		n := fill(t, pub, 0)
		l := newLoan(t, pub)
		l.Value().Seq = uint64(n)
		require.ErrorIs(t, l.TryPublish(), bus.ErrFull)
		ctx, cancel := context.WithCancel(background())
		cancel()
		require.ErrorIs(t, l.Publish(ctx), context.Canceled)
		assert.Equal(t, uint64(n), l.Value().Seq, "it is still out")
		done := async(func() error { return l.Publish(background()) })
		for i := range n + 1 {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, result(t, done))
	})
}

func TestLoanOutWhileTheBusCloses(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		mine := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
		loans := []bus.Loan[tick]{newLoan(t, pub), newLoan(t, pub), newLoan(t, mine)}
		require.NoError(t, b.Close())
		for i := range loans {
			l := &loans[i]
			l.Value().Data = [16]byte{1} // the memory is still there
			copy(l.Tail(), "tail")
			assert.ErrorIs(t, l.Publish(background()), bus.ErrClosed)
			assert.ErrorIs(t, l.TryPublish(), bus.ErrClosed)
			l.Discard()
		}
		_, err := pub.Loan()
		assert.ErrorIs(t, err, bus.ErrClosed)
		_, err = mine.Loan()
		assert.ErrorIs(t, err, bus.ErrClosed)
	})
}

// A publisher that is closed publishes no loan either, whatever seats its process has.
func TestLoansOfAClosedPublisher(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		sub := newSub[tick](t, b, nil)
		p := newPub[tick](t, b, nil)
		loans := make([]bus.Loan[tick], 2)
		n, err := p.LoanBatch(loans)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.NoError(t, p.Close())
		_, err = p.TryPublishLoans(loans[:1])
		require.ErrorIs(t, err, bus.ErrClosed)
		require.ErrorIs(t, loans[1].TryPublish(), bus.ErrClosed)
		p.DiscardLoans(loans)
		requireEmpty(t, sub)
	})
}

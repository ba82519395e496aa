package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// newLoans borrows n slots and counts their values from seq on.
func newLoans(t testing.TB, p *bus.Publisher[tick], n int, seq uint64) []bus.Loan[tick] {
	t.Helper()
	loans := make([]bus.Loan[tick], n)
	got, err := p.LoanBatch(loans)
	require.NoError(t, err)
	require.Equal(t, n, got)
	for i := range loans {
		assert.Zero(t, *loans[i].Value(), "the value is zeroed")
		loans[i].Value().Seq = seq + uint64(i)
	}
	return loans
}

func TestPublishLoans(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, exclusive := range []bool{false, true} {
			pub, sub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: exclusive}), newSub[tick](t, b, nil)
			for _, n := range []int{0, 1, 3, 8} {
				loans := newLoans(t, pub, n, 0)
				for i := range loans {
					loans[i].SetTail(copy(loans[i].Tail(), fmt.Sprint("tail ", i)))
					loans[i].SetKey(uint64(10 + i))
				}
				requireEmpty(t, sub) // nobody sees them before they are published
				got, err := pub.PublishLoans(background(), loans)
				require.NoError(t, err)
				require.Equal(t, n, got)
				for i := range n {
					m, err := sub.TryReceive()
					require.NoError(t, err)
					assert.Equal(t, uint64(i), m.Value.Seq)
					assert.Equal(t, uint64(10+i), m.Key)
					assert.Equal(t, fmt.Sprint("tail ", i), string(m.Tail))
					assert.NotZero(t, m.Time)
				}
				requireEmpty(t, sub)
			}
			assert.Equal(t, uint64(12), pub.Stats().Published)
			require.NoError(t, sub.Close())
			require.NoError(t, pub.Close())
		}
	})
}

// What has not been published is still out: to be published with the next
// batch, say, as it is with packets that are read many at a time.
func TestPublishTheFirstLoansAndKeepTheRest(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		loans := newLoans(t, pub, 8, 0)
		for seq := 0; seq < 5*capacity; {
			k := 1 + seq%8
			for i := range k {
				loans[i].Value().Seq = uint64(seq + i)
			}
			n, err := pub.TryPublishLoans(loans[:k])
			require.NoError(t, err)
			require.Equal(t, k, n)
			requireTicks(t, sub, seq, seq+k)
			seq += k
			// Those that are left come first.
			left := copy(loans, loans[k:])
			clear(loans[left:])
			n, err = pub.LoanBatch(loans[left:])
			require.NoError(t, err)
			require.Equal(t, k, n)
		}
		pub.DiscardLoans(loans)
		pub.DiscardLoans(loans)
		requireEmpty(t, sub)
	})
}

// A process has so many slots; a batch takes them from all its ports.
func TestLoanBatchBeyondTheCells(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		const batch, ports = 8, 2
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		loans := make([]bus.Loan[tick], batch*ports+5)
		n, err := pub.LoanBatch(loans)
		require.NoError(t, err)
		require.Equal(t, batch*ports, n)
		n, err = pub.LoanBatch(loans[n:])
		require.ErrorIs(t, err, bus.ErrNoSlot)
		require.Zero(t, n)
		assert.Panics(t, func() { _, _ = pub.LoanBatch(loans[:1]) }, "it would be lost")
		for i := range batch * ports {
			loans[i].Value().Seq = uint64(i)
		}
		n, err = pub.TryPublishLoans(loans[:batch*ports])
		require.NoError(t, err)
		require.Equal(t, batch*ports, n)
		requireTicks(t, sub, 0, batch*ports)
	})
}

func TestPublishLoansThatAreNotThere(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		other := newPub[tick](t, b, nil)
		loans := newLoans(t, pub, 4, 0)
		one := newLoan(t, other)
		defer one.Discard()
		_, err := pub.PublishLoans(background(), []bus.Loan[tick]{loans[0], one})
		require.ErrorIs(t, err, bus.ErrOptions)

		// A copy is the same loan: the first of both ends it.
		twice := []bus.Loan[tick]{loans[0], loans[1], loans[0], loans[2]}
		n, err := pub.PublishLoans(background(), twice)
		require.ErrorIs(t, err, bus.ErrSpent)
		require.Equal(t, 2, n)
		requireTicks(t, sub, 0, 2)
		n, err = pub.PublishLoans(background(), loans)
		require.ErrorIs(t, err, bus.ErrSpent)
		require.Zero(t, n)
		loans[2].Value().Seq = 2
		n, err = pub.PublishLoans(background(), loans[2:])
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = pub.PublishLoans(background(), loans)
		require.ErrorIs(t, err, bus.ErrSpent)
		require.Zero(t, n)
		requireTicks(t, sub, 2, 4)
	})
}

func TestPublishLoansOnAFullLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, capacity-3)
		loans := newLoans(t, pub, 8, capacity-3)
		n, err := pub.TryPublishLoans(loans)
		require.ErrorIs(t, err, bus.ErrFull)
		require.Equal(t, 3, n)
		ctx, cancel := context.WithCancel(background())
		cancel()
		n, err = pub.PublishLoans(ctx, loans[3:])
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, n)
		done := async(func() error {
			n, err := pub.PublishLoans(background(), loans[3:])
			assert.Equal(t, 5, n)
			return err
		})
		for i := range capacity + 5 {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, result(t, done))
	})
}

func TestLoanBatchOfAShard(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		loans := make([]bus.Loan[tick], 6)
		for shard := range uint64(2) {
			n, err := pub.LoanBatchFor(shard, loans[3*shard:3*shard+3])
			require.NoError(t, err)
			require.Equal(t, 3, n)
		}
		loans[1].SetKey(7)
		n, err := pub.PublishLoans(background(), loans)
		require.ErrorIs(t, err, bus.ErrOptions)
		require.Zero(t, n)
		loans[1].SetKey(8)
		n, err = pub.PublishLoans(background(), loans)
		require.NoError(t, err)
		require.Equal(t, 6, n)
		for range 6 {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, int(m.Key%2), m.Shard)
		}
	})
}

func TestLoansOutWhileTheBusCloses(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		loans := newLoans(t, pub, 10, 0)
		require.NoError(t, b.Close())
		loans[9].Value().Data = [16]byte{1} // the memory is still there
		n, err := pub.PublishLoans(background(), loans)
		assert.ErrorIs(t, err, bus.ErrClosed)
		assert.Zero(t, n)
		pub.DiscardLoans(loans)
		_, err = pub.LoanBatch(loans)
		assert.ErrorIs(t, err, bus.ErrClosed)
	})
}

func TestLoanBatchAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		loans := make([]bus.Loan[tick], 16)
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			l, err := pub.Loan()
			if err != nil {
				panic(err)
			}
			l.Value().Seq = 1
			if err := l.Publish(background()); err != nil {
				panic(err)
			}
			if n, err := pub.LoanBatch(loans); n != 16 {
				panic(err)
			}
			if n, err := pub.PublishLoans(background(), loans[:9]); n != 9 {
				panic(err)
			}
			pub.DiscardLoans(loans)
		}))
	})
}

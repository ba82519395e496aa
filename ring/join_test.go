package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestJoinStartsAtTheTail(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 13)
		r := newReader(t, lane, 0, 4)
		r.Join()
		poll(t, r, 4, 0, 0)
		publish(t, p, event{1, 13})
		poll(t, r, 4, 1, 0)
		requireEvent(t, r, 0, event{1, 13}, start+13)
	})
}

func TestJoinOldestStartsWithTheOldestHeld(t *testing.T) {
	for _, published := range []uint64{0, 3, 8, 21} {
		forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
			p := newProducer(t, lane)
			publishMany(t, p, 1, 0, published)
			r := newReader(t, lane, 0, 4)
			r.JoinOldest()
			first := published - min(published, 8)
			require.Equal(t, start+first, r.Position())
			for seq := first; seq < published; seq++ {
				poll(t, r, 1, 1, 0)
				requireEvent(t, r, 0, event{1, seq}, start+seq)
			}
			poll(t, r, 1, 0, 0)
			require.Zero(t, lane.Cursor(0).Missed)
		})
	}
}

// A reader that joins behind the tail pins events that producers had believed
// to be out of everybody's reach.
func TestJoinOldestMakesProducersLookAgain(t *testing.T) {
	geo := geometry(8)
	geo.Pins = 8
	forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 64)
		r := newReader(t, lane, 0, 8)
		r.JoinOldest()
		poll(t, r, 8, 8, 0)
		for seq := uint64(64); seq < 128; seq++ {
			publish(t, p, event{1, seq})
			for k := range 8 {
				requireEvent(t, r, k, event{1, uint64(56 + k)}, start+uint64(56+k))
			}
		}
	})
}

func TestResumeGoesOnWhereTheCursorStands(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(8), reliable(8)} {
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
			r.Join()
			publishMany(t, p, 1, 0, 6)
			poll(t, r, 2, 2, 0)
			poll(t, r, 2, 2, 0)
			require.NoError(t, r.Advance(1))
			r.Detach()
			c := lane.Cursor(0)
			assert.Zero(t, c.Pinned)
			assert.Equal(t, start+3, c.Position, "what was not given back is read again")
			assert.Equal(t, geo.Reliable, c.Gated)

			publishMany(t, p, 1, 6, 9)
			again := newReader(t, lane, 0, 4)
			again.Resume()
			for seq := uint64(3); seq < 9; seq++ {
				poll(t, again, 1, 1, 0)
				requireEvent(t, again, 0, event{1, seq}, start+seq)
			}
			poll(t, again, 1, 0, 0)
			assert.Equal(t, uint64(10), lane.Cursor(0).Received, "counters go on")
		})
	}
}

func TestADetachedReaderHoldsAReliableLane(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	r.Detach()
	publishMany(t, p, 1, 0, 4)
	c := reserve(t, p, event{1, 4})
	_, err := p.Publish(c)
	require.ErrorIs(t, err, ring.ErrFull)
	lane.ClearCursor(0)
	_, err = p.Publish(c)
	require.NoError(t, err)
}

func TestResumeAfterALapCountsWhatIsGone(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 3)
		poll(t, r, 4, 3, 0)
		poll(t, r, 4, 0, 0)
		r.Detach()
		publishMany(t, p, 1, 3, 53)
		again := newReader(t, lane, 0, 4)
		again.Resume()
		n, missed, err := again.Poll(4)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		requireEvent(t, again, 0, event{1, 3 + missed}, start+3+missed)
		require.GreaterOrEqual(t, missed, uint64(42))
		require.Less(t, missed, uint64(50))
	})
}

func TestResumeOfACursorThatNeverJoinedIsAJoin(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		publishMany(t, p, 1, 0, 20)
		r := newReader(t, lane, 2, 4)
		r.Resume()
		require.Equal(t, start+20, r.Position())
		publish(t, p, event{1, 20})
		poll(t, r, 4, 1, 0)
		requireEvent(t, r, 0, event{1, 20}, start+20)
	})
}

func TestLeaveFreesTheLane(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	publishMany(t, p, 1, 0, 4)
	poll(t, r, 4, 4, 0)
	assert.Equal(t, 4, lane.Stats().PinsUsed)
	r.Leave()
	assert.Zero(t, lane.Stats().PinsUsed)
	assert.False(t, lane.Cursor(0).Joined)
	publishMany(t, p, 1, 4, 40)
}

func TestPinBudget(t *testing.T) {
	lane := newLane(t, geometry(8), 0) // a budget of 4
	require.NoError(t, lane.Reserve(0, 3))
	err := lane.Reserve(1, 2)
	require.ErrorIs(t, err, ring.ErrPinBudget)
	assert.ErrorContains(t, err, "2 wanted, 3 of 4 are reserved")
	assert.Equal(t, 3, lane.Reserved(), "a refusal takes nothing")
	require.NoError(t, lane.Reserve(1, 1))
	require.NoError(t, lane.Reserve(0, 2), "a reader may change its share")
	require.NoError(t, lane.Reserve(2, 1))
	lane.ClearCursor(1)
	require.NoError(t, lane.Reserve(3, 1))
	for _, n := range []int{0, -1, ring.MaxPin + 1} {
		assert.ErrorIs(t, lane.Reserve(1, n), ring.ErrPinBudget)
	}
}

func TestTwoJoinersNeverOverdrawThePinBudget(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	both := 0
	for range 3000 {
		results := make(chan error, 2)
		start := make(chan struct{})
		for i := range 2 {
			go func() {
				<-start
				results <- lane.Reserve(i, 3)
			}()
		}
		close(start)
		admitted := 0
		for range 2 {
			if err := <-results; err == nil {
				admitted++
			} else {
				require.ErrorIs(t, err, ring.ErrPinBudget)
			}
		}
		require.LessOrEqual(t, admitted, 1, "3 + 3 pins of 4")
		require.Equal(t, 3*admitted, lane.Reserved())
		both += admitted
		lane.ClearCursor(0)
		lane.ClearCursor(1)
	}
	assert.Positive(t, both, "most of the time one of them is admitted")
}

// A reader joins, and others fill the lane, while a producer is in the middle of
// its look at the cursors and has passed the one of that reader.
func TestAReaderJoinsDuringAScan(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		q, behind, joiner := newProducer(t, lane), newReader(t, lane, 1, 1), newReader(t, lane, 0, 1)
		behind.Join()
		fill(t, q, 0)
		require.True(t, lane.Evict(1, lane.Gates(nil)[0]))
		publishMany(t, q, 1, 8, 12)

		port, err := lane.ClaimPort(1)
		require.NoError(t, err)
		joined := false
		p, err := lane.NewProducer(port, func(reader int) { // in the middle of the look
			if !joined {
				joined = true
				require.Equal(t, 1, reader)
				joiner.Join()
				require.Equal(t, uint64(20), fill(t, q, 12))
			}
		})
		require.NoError(t, err)
		c := reserve(t, p, event{2, 0})
		require.True(t, joined)
		_, err = p.Publish(c)
		require.ErrorIs(t, err, ring.ErrFull)
		for seq := uint64(12); seq < 20; seq++ {
			poll(t, joiner, 1, 1, 0)
			requireEvent(t, joiner, 0, event{1, seq}, start+seq)
		}
	})
}

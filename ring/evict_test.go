package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// fill publishes events of producer 1 from seq on until the lane is full and
// returns the first that was not published.
func fill(t *testing.T, p *ring.Producer, seq uint64) uint64 {
	t.Helper()
	for ; ; seq++ {
		c := reserve(t, p, event{1, seq})
		if _, err := p.Publish(c); err != nil {
			require.ErrorIs(t, err, ring.ErrFull)
			p.Cancel(c)
			return seq
		}
	}
}

func TestEvictionTakesTheGateAndNeverThePin(t *testing.T) {
	forStarts(t, reliable(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
		r.Join()
		publishMany(t, p, 1, 0, 2)
		require.Empty(t, lane.Gates(nil), "there is room")
		poll(t, r, 2, 2, 0)
		require.Equal(t, uint64(4), fill(t, p, 2))

		gates := lane.Gates(nil)
		require.Len(t, gates, 1)
		require.Equal(t, 0, gates[0].Reader)
		require.Equal(t, uint64(4), gates[0].Behind)
		require.Equal(t, gates, lane.Gates(nil), "equal while it stands still")
		require.True(t, lane.Evict(0, gates[0]))
		require.False(t, lane.Evict(0, gates[0]), "once")
		c := lane.Cursor(0)
		require.False(t, c.Gated)
		require.True(t, c.Joined)
		require.Equal(t, 2, c.Pinned)
		require.Empty(t, lane.Gates(nil))

		for seq := uint64(4); seq < 100; seq++ {
			publish(t, p, event{1, seq})
			requireEvent(t, r, 0, event{1, 0}, start)
			requireEvent(t, r, 1, event{1, 1}, start+1)
		}

		// It learns of the eviction and is gated again.
		n, missed, err := r.Poll(2)
		require.NoError(t, err)
		require.Equal(t, uint64(1), r.Evictions())
		require.Equal(t, uint64(1), lane.Cursor(0).Evictions)
		require.True(t, lane.Cursor(0).Gated)
		next := 2 + missed
		require.Equal(t, 2, n)
		requireEvent(t, r, 0, event{1, next}, start+next)
		require.Equal(t, uint64(94), missed, "what is overwritten, and no more")

		// From here on it loses nothing.
		seq := fill(t, p, 100)
		for ; next < seq; next++ {
			requireEvent(t, r, 0, event{1, next}, start+next)
			require.NoError(t, r.Advance(1))
			if r.Window() == 0 {
				_, missed, err := r.Poll(2)
				require.NoError(t, err)
				require.Zero(t, missed)
			}
		}
		require.Equal(t, seq+4, fill(t, p, seq))
	})
}

func TestAReaderThatHasMovedIsNotEvicted(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	fill(t, p, 0)
	was := lane.Gates(nil)
	require.Len(t, was, 1)
	poll(t, r, 1, 1, 0)
	assert.False(t, lane.Evict(0, was[0]))
	assert.True(t, lane.Cursor(0).Gated)
	assert.Zero(t, r.Evictions())
}

func TestAnEvictedReaderWithinTheLapLosesNothing(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
	r.Join()
	seq := fill(t, p, 0)
	require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
	for i := range seq {
		poll(t, r, 1, 1, 0)
		requireEvent(t, r, 0, event{1, i}, i)
	}
	assert.Equal(t, uint64(1), r.Evictions())
	assert.True(t, lane.Cursor(0).Gated)
}

func TestResumeAfterAnEvictionIsGatedAgain(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
	r.Join()
	fill(t, p, 0)
	require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
	r.Detach()
	publishMany(t, p, 1, 4, 20)
	r = newReader(t, lane, 0, 1)
	r.Resume()
	assert.False(t, lane.Cursor(0).Gated, "there is nothing left to hold where it stands")
	r = newReader(t, lane, 0, 1) // as if the process had died: the gap is still there to be counted
	r.Resume()
	assert.True(t, r.Ready(), "it has a gap to tell")
	poll(t, r, 1, 1, 16)
	requireEvent(t, r, 0, event{1, 16}, 16)
	assert.True(t, lane.Cursor(0).Gated)
	assert.Equal(t, uint64(1), r.Evictions())
	assert.Equal(t, uint64(20), fill(t, p, 20), "what is left is not overwritten any more")
	require.NoError(t, r.Advance(1))
	assert.Equal(t, uint64(21), fill(t, p, 20))
}

func TestResumeAfterAnEvictionThatCostNothingIsGatedAtOnce(t *testing.T) {
	lane := newLane(t, reliable(4), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
	r.Join()
	fill(t, p, 0)
	require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
	r.Detach()
	r = newReader(t, lane, 0, 1)
	r.Resume()
	assert.True(t, lane.Cursor(0).Gated)
	assert.Equal(t, uint64(1), r.Evictions())
	assert.Equal(t, uint64(4), fill(t, p, 4))
	poll(t, r, 1, 1, 0)
	requireEvent(t, r, 0, event{1, 0}, 0)
}

// A window that an evicted reader has pinned may lie far behind the others by
// now. Giving it back piece by piece must not hold them up.
func TestAnEvictedReaderHoldsNobodyUpWithWhatHasGone(t *testing.T) {
	lane := newLane(t, reliable(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	publishMany(t, p, 1, 0, 8)
	poll(t, r, 4, 4, 0)
	require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
	publishMany(t, p, 1, 8, 28)
	for i := range uint64(3) {
		requireEvent(t, r, 0, event{1, i}, i)
		require.NoError(t, r.Advance(1))
		assert.False(t, lane.Cursor(0).Gated)
		publishMany(t, p, 1, 28+i, 29+i)
	}
	require.NoError(t, r.Advance(1))
	poll(t, r, 1, 1, 23-4)
	requireEvent(t, r, 0, event{1, 23}, 23)
	assert.True(t, lane.Cursor(0).Gated)
	assert.Equal(t, uint64(1), r.Evictions())
}

func TestTheSlowestReaderGates(t *testing.T) {
	forStarts(t, reliable(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, fast, slow := newProducer(t, lane), newReader(t, lane, 0, 1), newReader(t, lane, 3, 1)
		fast.Join()
		slow.Join()
		require.Equal(t, uint64(8), fill(t, p, 0))
		for range 5 {
			poll(t, fast, 1, 1, 0)
		}
		require.Equal(t, uint64(8), fill(t, p, 8))
		poll(t, slow, 1, 1, 0)
		require.NoError(t, slow.Advance(1))
		require.Equal(t, uint64(9), fill(t, p, 8))
		gates := lane.Gates(nil)
		require.Len(t, gates, 1)
		require.Equal(t, 3, gates[0].Reader)
	})
}

func TestProducersNudgeReadersThatLieBehind(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	port, err := lane.ClaimPort(1)
	require.NoError(t, err)
	nudged := map[int]int{}
	p, err := lane.NewProducer(port, func(reader int) { nudged[reader]++ })
	require.NoError(t, err)
	awake, asleep := newReader(t, lane, 0, 1), newReader(t, lane, 2, 1)
	awake.Join()
	asleep.Join()
	for seq := range uint64(64) {
		publish(t, p, event{1, seq})
		poll(t, awake, 1, 1, 0)
	}
	assert.Positive(t, nudged[2])
	assert.NotContains(t, nudged, 0)
	assert.NotContains(t, nudged, 1, "nobody has this cursor")
}

// A producer that has looked at the cursors just before an evicted reader takes
// its gate again overwrites more of what lies before: that belongs to the eviction.
func TestWhatIsLostBehindTheGateBelongsToTheEviction(t *testing.T) {
	behind := 0
	for phase := range uint64(16) {
		forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
			r.Join()
			seq := fill(t, p, 0)
			require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
			publishMany(t, p, 1, seq, seq+16+phase)
			n, missed, err := r.Poll(1)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.True(t, r.Evicted(r.Position()-1-missed))
			end := fill(t, p, seq+16+phase)
			for r.Position() != start+end {
				_, missed, err := r.Poll(1)
				require.NoError(t, err)
				if missed > 0 {
					behind++
					require.True(t, r.Evicted(r.Position()-uint64(r.Window())-missed))
				}
			}
			require.Equal(t, uint64(1), r.Evictions())
			poll(t, r, 1, 0, 0)
			end = fill(t, p, end)
			for r.Position() != start+end {
				poll(t, r, 1, 1, 0)
			}
			require.False(t, r.Evicted(r.Position()), "from its gate on nothing is lost")
		})
	}
	assert.Positive(t, behind, "no producer has come so far")
}

// The same if the reader dies when it has its gate again, and another one resumes:
// that one knows of no eviction, but what it misses is lost to it.
func TestWhatIsLostBehindTheGateBelongsToTheEvictionAfterADeath(t *testing.T) {
	behind := 0
	for phase := range uint64(16) {
		forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 1)
			r.Join()
			seq := fill(t, p, 0)
			require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
			publishMany(t, p, 1, seq, seq+16+phase)
			n, _, err := r.Poll(1)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			lane.Unpin(0)
			end := fill(t, p, seq+16+phase)
			r = newReader(t, lane, 0, 1)
			r.Resume()
			for r.Position() != start+end {
				_, missed, err := r.Poll(1)
				require.NoError(t, err)
				if missed > 0 {
					behind++
					require.True(t, r.Evicted(r.Position()-uint64(r.Window())-missed))
				}
			}
			require.Equal(t, uint64(1), r.Evictions())
			poll(t, r, 1, 0, 0)
			end = fill(t, p, end)
			for r.Position() != start+end {
				poll(t, r, 1, 1, 0)
			}
			require.False(t, r.Evicted(r.Position()), "from its gate on nothing is lost")
		})
	}
	assert.Positive(t, behind, "no producer has come so far")
}

// Processes that take a cursor over, pin what is there and die, one after the
// other, do not move it: it is the same gate, which may be evicted in time.
func TestAReaderThatDiesOverAnEventAgainAndAgainStandsStill(t *testing.T) {
	forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		fill(t, p, 0)
		seen := lane.Gates(nil)
		require.Len(t, seen, 1)
		same := func() {
			t.Helper()
			now := lane.Gates(nil)
			require.Len(t, now, 1)
			require.True(t, now[0].Same(seen[0]))
		}
		for range 3 {
			n, _, err := r.Poll(1)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			same()
			lane.Unpin(0)
			same()
			r = newReader(t, lane, 0, 4)
			r.Resume()
			same()
		}
		require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
		publishMany(t, p, 1, 16, 20)
	})
}

// One that moves is not.
func TestAReaderThatMovesIsAnotherGate(t *testing.T) {
	forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		seq := fill(t, p, 0)
		before := lane.Gates(nil)[0]
		poll(t, r, 1, 1, 0)
		require.NoError(t, r.Advance(1))
		fill(t, p, seq)
		require.False(t, lane.Gates(nil)[0].Same(before))
	})
}

package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// Producers stay within the events that a detached reader may hold back, also
// those that have looked at the cursors before, and get their lap again when it
// comes back.
func TestHoldIsExact(t *testing.T) {
	for _, hold := range []uint64{1, 3, 15, 16, 17, 0} {
		forStarts(t, reliable(16), func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
			r.Join()
			publishMany(t, p, 1, 0, 2)
			poll(t, r, 4, 2, 0)
			require.NoError(t, r.Advance(2))
			publish(t, p, event{1, 2}) // has looked, and believes in a lap
			lane.Hold(0, hold)
			r.Detach()
			want := 2 + hold
			if hold == 0 || hold > 16 {
				want = 2 + 16
			}
			seq := max(want, 3)
			require.Equal(t, seq, fill(t, p, 3))
			require.Equal(t, start+2, lane.Cursor(0).Position)
			gates := lane.Gates(nil)
			require.Len(t, gates, 1)
			require.Equal(t, seq-2, gates[0].Behind)

			again := newReader(t, lane, 0, 4)
			again.Resume()
			require.Equal(t, uint64(18), fill(t, p, seq))
			for seq := uint64(2); seq < 18; seq++ {
				poll(t, again, 1, 1, 0)
				requireEvent(t, again, 0, event{1, seq}, start+seq)
			}
		})
	}
}

// Another producer, that has never looked before, and one whose batch is longer.
func TestHoldOfABatch(t *testing.T) {
	lane := newLane(t, reliable(16), 0)
	r := newReader(t, lane, 0, 4)
	r.Join()
	lane.Hold(0, 5)
	r.Detach()
	p := newProducer(t, lane)
	publishMany(t, p, 1, 0, 4)
	a, b := reserve(t, p, event{1, 4}), reserve(t, p, event{1, 5})
	n, _, err := p.PublishBatch([]int{a, b})
	require.ErrorIs(t, err, ring.ErrFull)
	require.Equal(t, 1, n)
	p.Cancel(b)
}

// An evicted reader holds nothing back, whatever it might.
func TestHoldEndsWithTheGate(t *testing.T) {
	lane := newLane(t, reliable(16), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	lane.Hold(0, 2)
	r.Detach()
	require.Equal(t, uint64(2), fill(t, p, 0))
	require.True(t, lane.Evict(0, lane.Gates(nil)[0]))
	publishMany(t, p, 1, 2, 10)
	again := newReader(t, lane, 0, 4)
	again.Resume()
	for seq := range uint64(10) {
		poll(t, again, 1, 1, 0)
		requireEvent(t, again, 0, event{1, seq}, seq)
	}
	assert.Equal(t, uint64(1), again.Evictions(), "nothing has gone, and yet it was evicted")
}

// Who waits for room wakes as soon as the reader is back, and not when it moves.
func TestResumeWakesWhoWaitsForTheHold(t *testing.T) {
	lane := newLane(t, reliable(16), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.Join()
	lane.Hold(0, 2)
	r.Detach()
	fill(t, p, 0)
	ticket, full := lane.PrepareRoom()
	require.True(t, full)
	done := make(chan error, 1)
	go func() { done <- lane.AwaitRoom(ticket, 0) }()
	newReader(t, lane, 0, 4).Resume()
	within(t, "producer wakes", done)
	_, full = lane.PrepareRoom()
	require.False(t, full)
}

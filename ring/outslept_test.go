package ring_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// An entry has the low 30 bits of its lap. Whoever is frozen while that count goes
// half way round, which takes days to years, finds words that look older than what
// it waits for. The lane is laid out anew, far ahead, under a reader and a producer
// that were there before.
const lapsToGo = 1 << 30

func farAhead(capacity int, laps uint64) uint64 {
	return laps << bits.TrailingZeros(uint(capacity))
}

// outslept returns a reader that stood at position 0 while so many laps went by, a
// producer, and where the lane begins now.
func outslept(t *testing.T, laps uint64) (r *ring.Reader, p *ring.Producer, ahead uint64) {
	t.Helper()
	geo := geometry(8)
	lane, mem := newLaneOver(t, geo, 0)
	r = newReader(t, lane, 0, 4)
	r.Join()
	poll(t, r, 4, 0, 0)
	cursor := append([]byte(nil), mem...)
	ahead = farAhead(geo.Capacity, laps)
	require.NoError(t, ring.Format(mem, geo, ahead))
	restoreCursors(t, mem, cursor, geo)
	return r, newProducer(t, lane), ahead
}

func TestAReaderThatOutsleptTheLapsCountsWhatItMissed(t *testing.T) {
	for _, laps := range []uint64{
		lapsToGo / 2, lapsToGo/2 + 1, lapsToGo - 2, lapsToGo - 1, lapsToGo, lapsToGo + 1, lapsToGo + 3, lapsToGo + lapsToGo/2 - 2,
		lapsToGo + lapsToGo/2, 3*lapsToGo - 3,
	} {
		t.Run(fmt.Sprint(laps), func(t *testing.T) {
			r, p, ahead := outslept(t, laps)
			publishMany(t, p, 1, 0, 3)

			n, missed, err := r.Poll(4)
			require.NoError(t, err)
			r.Delivered(n)
			got := uint64(n)
			for n > 0 {
				var more uint64
				n, more, err = r.Poll(4)
				require.NoError(t, err)
				r.Delivered(n)
				got, missed = got+uint64(n), missed+more
			}
			assert.Equal(t, ahead+3, got+missed, "received and missed make up all")
			assert.Equal(t, ahead+3, r.Position())
			publish(t, p, event{1, 3})
			poll(t, r, 4, 1, 0)
			requireEvent(t, r, 0, event{1, 3}, ahead+3)
		})
	}
}

// What such a reader reads is pinned where it is.
func TestWhatIsReadAfterTheLapsWentRoundIsPinned(t *testing.T) {
	for _, laps := range []uint64{lapsToGo - 1, lapsToGo, lapsToGo + 2} {
		r, p, ahead := outslept(t, laps)
		publishMany(t, p, 1, 0, 8)
		n, err := r.Skip(0, 100)
		require.NoError(t, err)
		require.Zero(t, n, "nothing is passed over that is missed")
		n, _, err = r.Poll(4)
		require.NoError(t, err)
		require.Positive(t, n)
		slot, pos := r.Slot(0)
		require.GreaterOrEqual(t, pos, ahead)
		first, err := read(slot)
		require.NoError(t, err)
		publishMany(t, p, 1, 8, 60)
		again, err := read(slot)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// restoreCursors puts the cursors of an earlier state of the memory into it.
func restoreCursors(t *testing.T, mem, earlier []byte, geo ring.Geometry) {
	t.Helper()
	const ports, line = 384, 128 // of the layout of a lane
	from := ports + geo.Ports*line
	copy(mem[from:from+geo.Readers*line], earlier[from:])
	copy(mem[144:152], earlier[144:152]) // how many cursors have been used
}

func TestAProducerThatOutsleptTheLapsGoesOnAtTheTail(t *testing.T) {
	for _, laps := range []uint64{lapsToGo / 2, lapsToGo - 2, 3*lapsToGo - 3} {
		t.Run(fmt.Sprint(laps), func(t *testing.T) {
			geo := geometry(8)
			lane, mem := newLaneOver(t, geo, 0)
			p := newProducer(t, lane)
			publish(t, p, event{1, 0}) // it remembers the entries behind
			owner := append([]byte(nil), mem[384:392]...)

			ahead := farAhead(geo.Capacity, laps)
			require.NoError(t, ring.Format(mem, geo, ahead))
			copy(mem[384:], owner)
			q, err := lane.NewProducer(0, nil) // the same port, with the cells of the lane as it is now
			require.NoError(t, err)
			assert.Equal(t, ahead, publish(t, q, event{1, 1}))
			require.NoError(t, lane.Check())
		})
	}
}

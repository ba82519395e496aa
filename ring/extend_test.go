package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func extend(t *testing.T, r *ring.Reader, max, n int, gap bool) {
	t.Helper()
	got, g, err := r.Extend(max)
	require.NoError(t, err)
	require.Equal(t, n, got)
	require.Equal(t, gap, g)
}

// The window grows at its end while its first events are still read, and moves
// on with them.
func TestExtendGrowsTheWindow(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(8), reliable(8)} {
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
			r.Join()
			publishMany(t, p, 1, 0, 1)
			poll(t, r, 100, 1, 0)
			extend(t, r, 100, 0, false)
			seq, pos := uint64(1), start
			for range 20 {
				publishMany(t, p, 1, seq, seq+2)
				seq += 2
				extend(t, r, 1, 1, false)
				extend(t, r, 100, 1, false)
				require.Equal(t, 3, r.Window())
				for k := range 3 {
					at := pos + uint64(k)
					requireEvent(t, r, k, event{1, at - start}, at)
				}
				require.Equal(t, pos, lane.Cursor(0).Position, "nothing has been given back")
				require.NoError(t, r.Advance(2))
				pos += 2
				require.Equal(t, pos, lane.Cursor(0).Position)
				requireEvent(t, r, 0, event{1, pos - start}, pos)
			}
			publishMany(t, p, 1, seq, seq+5)
			extend(t, r, 100, 3, false)
			extend(t, r, 100, 0, false) // no pins left
			assert.True(t, r.Ready())
		})
	}
}

// What the window holds outlives any number of laps, what comes behind it does
// not, and is counted to the event once the window is given back.
func TestExtendMeetsAGap(t *testing.T) {
	forStarts(t, geometry(8), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 2)
		poll(t, r, 1, 1, 0)
		extend(t, r, 1, 1, false)
		publishMany(t, p, 1, 2, 100)
		extend(t, r, 4, 0, true)
		extend(t, r, 4, 0, true)
		requireEvent(t, r, 0, event{1, 0}, start)
		requireEvent(t, r, 1, event{1, 1}, start+1)
		require.NoError(t, r.Advance(1))
		extend(t, r, 4, 0, true)
		requireEvent(t, r, 0, event{1, 1}, start+1)
		require.NoError(t, r.Advance(1))
		n, missed, err := r.Poll(1)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		_, pos := r.Slot(0)
		require.Equal(t, start+2+missed, pos)
		requireEvent(t, r, 0, event{1, pos - start}, pos)
		require.GreaterOrEqual(t, missed, uint64(100-2-8))
	})
}

// A pin is taken before the entries are looked at: what a window was extended by
// stays intact.
func TestExtendedWindowStaysIntact(t *testing.T) {
	forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
		r.Join()
		publishMany(t, p, 1, 0, 2)
		poll(t, r, 1, 1, 0)
		extend(t, r, 4, 1, false)
		publishMany(t, p, 1, 2, 4)
		extend(t, r, 4, 2, false)
		publishMany(t, p, 1, 4, 200)
		for k := range uint64(4) {
			requireEvent(t, r, int(k), event{1, k}, start+k)
		}
		require.NoError(t, r.Advance(4))
	})
}

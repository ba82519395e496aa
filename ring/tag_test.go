package ring_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestFindGoesByTagsAlone(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	r.ExpectFew()
	r.Join()
	for i, tag := range []uint32{3, 0, 63, 3, 5, 3} {
		c := reserve(t, p, event{1, uint64(i)})
		if tag != 0 {
			p.Tag(c, tag)
		}
		_, err := p.Publish(c)
		require.NoError(t, err)
	}
	poll(t, r, 4, 4, 0)
	assert.Equal(t, 0, r.Find(0, 1<<3))
	assert.Equal(t, 3, r.Find(1, 1<<3))
	assert.Equal(t, 2, r.Find(0, 1<<63))
	assert.Equal(t, 1, r.Find(0, 1|1<<63), "an event without a tag has 0")
	assert.Equal(t, 4, r.Find(0, 1<<7), "none in the window")
	assert.Equal(t, 4, r.Find(4, ^uint64(0)))
	requireEvent(t, r, 3, event{1, 3}, 3)
	require.NoError(t, r.Advance(2))
	assert.Equal(t, 1, r.Find(0, 1<<3), "counted from the window's first event")
	poll(t, r, 4, 2, 0)
	assert.Equal(t, 0, r.Find(0, 1<<5))
	assert.Equal(t, 1, r.Find(0, 1<<3))
}

func TestATagGoesWithItsEventAlone(t *testing.T) {
	lane := newLane(t, geometry(2), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	for seq := range uint64(40) { // so that cells come round with and without
		c := reserve(t, p, event{1, seq})
		if seq%3 == 0 {
			p.Tag(c, 9)
		}
		if seq%7 == 6 {
			p.Cancel(c)
			continue
		}
		_, err := p.Publish(c)
		require.NoError(t, err)
		poll(t, r, 1, 1, 0)
		want := 1
		if seq%3 == 0 {
			want = 0
		}
		assert.Equal(t, want, r.Find(0, 1<<9), "event %d", seq)
	}
}

func TestTagsOfKeysAreSpread(t *testing.T) {
	var of [64]int
	for key := range uint64(6400) {
		of[ring.Tag(key)]++
	}
	for tag, n := range of {
		assert.InDelta(t, 100, n, 60, "keys with tag %d", tag)
	}
	assert.Zero(t, ring.Tag(0), "an event without a key")
}

func TestSkipGoesByTagsAlone(t *testing.T) {
	for _, geo := range []ring.Geometry{geometry(16), reliable(16)} {
		forStarts(t, geo, func(t *testing.T, lane *ring.Lane, start uint64) {
			p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
			r.ExpectFew()
			r.Join()
			seq, next := uint64(0), uint64(0)
			for round := range 9 {
				tagged := seq + uint64(round) // the only one that is asked for
				for range 15 {
					c := reserve(t, p, event{1, seq})
					if seq == tagged {
						p.Tag(c, 5)
					} else {
						p.Tag(c, 6)
					}
					_, err := p.Publish(c)
					require.NoError(t, err)
					seq++
				}
				n, err := r.Skip(1<<5, 100)
				require.NoError(t, err)
				require.Equal(t, tagged-next, uint64(n))
				require.Equal(t, start+tagged, r.Position())
				poll(t, r, 1, 1, 0)
				requireEvent(t, r, 0, event{1, tagged}, start+tagged)
				n, err = r.Skip(1<<5, 2)
				require.NoError(t, err)
				require.Equal(t, 2, n, "no more than asked for")
				n, err = r.Skip(1<<5, 100)
				require.NoError(t, err)
				require.Equal(t, seq-tagged-3, uint64(n), "up to what is not published")
				next = seq
				poll(t, r, 1, 0, 0)
				require.Equal(t, start+seq, lane.Cursor(0).Position, "who waits holds nothing back")
			}
		})
	}
}

func TestSkipStopsAtAGap(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 2)
	r.Join()
	publishMany(t, p, 1, 0, 20)
	n, err := r.Skip(1<<5, 100)
	require.NoError(t, err)
	assert.Zero(t, n, "what is overwritten is missed, not passed over")
	got, missed, err := r.Poll(2)
	require.NoError(t, err)
	assert.Equal(t, 2, got)
	assert.Equal(t, uint64(13), missed)
}

// A subscription that begins behind a gap is told of it at the position that it is
// about, whatever is passed over then.
func TestSkipLeavesWhatIsOwedToPoll(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
	publishMany(t, p, 1, 0, 20)
	r.JoinAt(2)
	require.Equal(t, uint64(12), r.Position())
	n, err := r.Skip(1<<5, 100)
	require.NoError(t, err)
	require.Zero(t, n)
	got, missed, err := r.Poll(1)
	require.NoError(t, err)
	require.Equal(t, uint64(10), missed)
	require.Equal(t, uint64(2), r.Position()-uint64(got)-missed)
	n, err = r.Skip(1<<5, 100)
	require.NoError(t, err)
	require.Equal(t, 7, n)
}

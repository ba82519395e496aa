package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

// Packs of every size that has a type carry their events whole and in order, also those
// of which there are fewer than a batch.
func TestPacksFlow(t *testing.T) {
	for _, size := range typedSizes {
		c := fanoutWorkload.defaults
		c.Size, c.Batch, c.Pack = size, 4, true
		require.NoError(t, c.check())
		require.NoError(t, c.checkSize())
		b, f, books := localBus(t, c), normalFlow(size), newTracker(1, 1)
		snk, err := f.tracked(b, c.ends(0), books)
		require.NoError(t, err)
		src, err := f.source(b, c.ends(0))
		require.NoError(t, err)
		for seq, n := range []int{1, 4, 3} {
			put, err := src.put(t.Context(), []uint64{0, 1, 5}[seq], n, seq == 2)
			require.NoError(t, err)
			require.Equal(t, n, put)
		}
		_, err = snk.take(t.Context())
		require.NoError(t, err)
		_, err = snk.tryTake()
		require.ErrorIs(t, err, bus.ErrEmpty)
		want := tracker{Received: 8, step: 1, next: []uint64{8}, due: payload.NewNote(0, 8, false), finished: 1}
		assert.Equal(t, want, *books, size)
		assert.EqualValues(t, 3, snk.stats().Received, "three events of the bus")
		require.NoError(t, src.close())
		require.NoError(t, snk.close())
	}
}

func TestPacketsFlowInPacks(t *testing.T) {
	c := rtpWorkload.defaults
	c.Pack = true
	require.NoError(t, c.check())
	require.NoError(t, rtpWorkload.check(c))
	b, books := localBus(t, c), newTracker(1, 1)
	snk, err := newRTPSink(b, c.ends(0), func(n payload.Note, ok bool, _ int64) { books.see(n, ok) })
	require.NoError(t, err)
	src, err := newRTPSource(b, c.ends(0))
	require.NoError(t, err)
	for seq, n := range []int{64, 1} {
		put, err := src.put(t.Context(), uint64(64*seq), n, seq == 1)
		require.NoError(t, err)
		require.Equal(t, n, put)
	}
	_, err = snk.take(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 65, books.Received)
	assert.True(t, books.done())
	assert.Zero(t, books.Corrupt+books.Disordered+books.Gaps)
	require.NoError(t, src.close())
	require.NoError(t, snk.close())
}

// A pack is late as many times as it has packets.
func TestLatenessOfPacksIsThatOfPackets(t *testing.T) {
	c := rtpWorkload.defaults
	c.Pack = true
	b := localBus(t, c)
	got := rtpGot{received: received{Tracker: newTracker(1, 1)}, Late: stat.NewLatency()}
	s := &lateSink{into: &got, pace: newPacer(0, 1e9)}
	var err error
	s.sink, err = newRTPSink(b, c.ends(0), s.see)
	require.NoError(t, err)
	src, err := newRTPSource(b, c.ends(0))
	require.NoError(t, err)
	for i, n := range []int{64, 1} {
		_, err := src.put(t.Context(), uint64(64*i), n, i == 1)
		require.NoError(t, err)
	}
	_, err = s.take(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 65, got.Late.Count())
	require.NoError(t, src.close())
	require.NoError(t, s.close())
}

func TestPackIsRefusedWhereItCannotBe(t *testing.T) {
	for flag, set := range map[string]func(*Config){
		"-static": func(c *Config) { c.Static = true },
		"-stamp":  func(c *Config) { c.Stamp = true },
		"-match":  func(c *Config) { c.Match = 0.1 },
		"-lent":   func(c *Config) { c.Lent = true },
		"lossy":   func(c *Config) { c.Policy = policyLossy },
	} {
		c := fanoutWorkload.defaults
		c.Pack = true
		set(&c)
		require.ErrorContains(t, c.check(), flag)
	}
	c := fanoutWorkload.defaults
	c.Pack, c.Size = true, 72
	require.ErrorContains(t, c.checkSize(), "-size 72")
}

// A lane of packs holds as many events as one of single events does.
func TestALaneOfPacksHoldsAsManyEvents(t *testing.T) {
	for batch, capacity := range map[int]int{1: 16384, 3: 4096, 64: 256, 256: 64} {
		c := fanoutWorkload.defaults
		c.Pack, c.Batch = true, batch
		g := c.geometry(bus.Normal)
		assert.Equal(t, capacity, g.Normal.Capacity, batch)
		assert.GreaterOrEqual(t, g.Normal.SlotSize, 32+batch*c.Size)
	}
}

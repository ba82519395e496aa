package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

func localBus(t *testing.T, c Config) *bus.Bus {
	t.Helper()
	b, err := bus.OpenLocal(&bus.Options{Geometry: c.geometry(bus.Critical, bus.High, bus.Normal, bus.Low)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestEverySizeFlowsOnEveryLane(t *testing.T) {
	for _, size := range []int{16, 24, 32, 48, 64, 128, 256, 512, 1000, 1024, 4096} {
		c := fanoutWorkload.defaults
		c.Size, c.Batch, c.Subs = size, 4, 2
		require.NoError(t, c.check())
		b := localBus(t, c)
		for lane, f := range map[string]flow{
			"critical": criticalFlow(size), "high": highFlow(size), "normal": normalFlow(size), "low": lowFlow(size),
		} {
			t.Run(fmt.Sprint(size, " ", lane), func(t *testing.T) { checkFlow(t, b, c, f) })
		}
	}
}

func TestSeedFlows(t *testing.T) {
	c := seedWorkload.defaults
	c.Batch, c.Subs = 4, 2
	checkFlow(t, localBus(t, c), c, seedFlow())
}

// checkFlow sends one event, then a batch, and expects them whole and in order.
func checkFlow(t *testing.T, b *bus.Bus, c Config, f flow) {
	books, alone := newTracker(2, 1), newTracker(2, 1)
	snk, err := f.sink(b, c.ends(0), func(n payload.Note, ok bool, _ int64) { books.see(n, ok) })
	require.NoError(t, err)
	tracked, err := f.tracked(b, c.ends(0), alone)
	require.NoError(t, err)
	src, err := f.source(b, c.ends(1))
	require.NoError(t, err)
	ctx := context.Background()
	n, err := src.put(ctx, 0, 1, false)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = src.put(ctx, 1, 4, true)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	for books.Received < 5 {
		_, err := snk.take(ctx)
		require.NoError(t, err)
	}
	for alone.Received < 5 {
		_, err := tracked.take(ctx)
		require.NoError(t, err)
	}
	want := tracker{Received: 5, step: 1, next: []uint64{0, 5}, due: payload.NewNote(1, 5, false), finished: 1}
	assert.Equal(t, want, *books)
	assert.Equal(t, want, *alone)
	require.NoError(t, src.close())
	require.NoError(t, snk.close())
	require.NoError(t, tracked.close())
}

// What is not as it was filled is booked as wrong, by either kind of sink.
func TestSinksSeeWrongContent(t *testing.T) {
	c := fanoutWorkload.defaults
	c.Subs = 2
	b := localBus(t, c)
	checkWrong(t, b, c, normalFlow(c.Size), func(e *normalEvent[payload.V64]) {
		payload.Fill(e, payload.NewNote(0, 0, false), true)
		e.V.W[3]++
	})
	checkWrong(t, b, c, seedFlow(), func(e *seedEvent) {
		payload.FillSeed(&e.V, payload.NewNote(0, 0, false), true)
		e.V.PayloadSize++
	})
}

func checkWrong[T any](t *testing.T, b *bus.Bus, c Config, f flow, fill func(*T)) {
	books, alone := newTracker(1, 1), newTracker(1, 1)
	snk, err := f.sink(b, c.ends(0), func(n payload.Note, ok bool, _ int64) { books.see(n, ok) })
	require.NoError(t, err)
	tracked, err := f.tracked(b, c.ends(0), alone)
	require.NoError(t, err)
	pub, err := bus.NewPublisher[T](b, nil)
	require.NoError(t, err)
	var v T
	fill(&v)
	require.NoError(t, pub.Publish(t.Context(), &v))
	for _, s := range []sink{snk, tracked} {
		_, err := s.take(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.close())
	}
	assert.EqualValues(t, 1, books.Corrupt)
	assert.EqualValues(t, 1, alone.Corrupt)
	require.NoError(t, pub.Close())
}

func TestTrackerBooksWhatWentWrong(t *testing.T) {
	k := newTracker(2, 1)
	k.see(payload.NewNote(0, 0, false), true)
	k.see(payload.NewNote(0, 3, false), true)  // 1 and 2 overtaken
	k.see(payload.NewNote(0, 1, false), true)  // and one of them late
	k.see(payload.NewNote(1, 0, false), false) // damaged
	k.see(payload.NewNote(2, 0, false), true)  // of a publisher there is not
	assert.Equal(t, tracker{Received: 5, Gaps: 2, Disordered: 1, Corrupt: 2, step: 1, next: []uint64{4, 0}, due: payload.NewNote(0, 4, false)}, *k)
	k.see(payload.NewNote(0, 4, true), true)
	assert.False(t, k.done())
	k.see(payload.NewNote(1, 0, true), true)
	assert.True(t, k.done())
}

package bench

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/bench/stat"
)

func TestRTPPublishesWhatIsDue(t *testing.T) {
	for _, args := range [][]string{
		{"rtp"},
		{"rtp", "-local"},
		{"rtp", "-lent"},
		{"rtp", "-static", "-wait", "park"},
		{"rtp", "-policy", "lossy", "-batch", "1", "-read", "1"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-calls", "50", "-duration", "100ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			require.NotNil(t, r.RTP)
			assert.Equal(t, 50, r.Calls)
			assert.InDelta(t, 5000, r.Rate, 1e-9, "50 calls, two streams each, 50 a second")
			assert.EqualValues(t, 500, r.Published+r.Unsent)
			assert.Equal(t, r.Published, r.Delivered+r.Lost)
			require.NotNil(t, r.Late)
			assert.LessOrEqual(t, r.Late.P50, r.Late.Max)
			assert.Positive(t, r.Achieved)
			assert.Contains(t, errs, "p99.9 late by less than 5ms")
			assert.NotContains(t, out, `"tries"`)
		})
	}
}

func TestRTPSearches(t *testing.T) {
	status, out, errs := run(t, inDir(t, "rtp", "-search", "-calls", "20000", "-duration", "5ms", "-json", "-")...)
	require.Zero(t, status, errs)
	r := decode(t, out)
	require.NotEmpty(t, r.Tries)
	assert.Equal(t, 20000, r.Tries[0].Calls)
	best, held := 0, false
	for _, y := range r.Tries {
		if held = held || y.Held; y.Held {
			best = max(best, y.Calls)
		}
	}
	assert.Equal(t, held, r.Held)
	if held {
		assert.Equal(t, best, r.Calls)
	}
	assert.Contains(t, errs, "tried")
}

func TestSearchFindsTheLimit(t *testing.T) {
	for _, limit := range []int{0, 1, 2, 3, 99, 100, 101, 1234, 99_999, 100_000} {
		for _, from := range []int{1, 100, 5000} {
			tried := 0
			best, err := search(from, 100_000, func(n int) (bool, error) {
				tried++
				return n <= limit, nil
			})
			require.NoError(t, err)
			assert.LessOrEqual(t, best, limit)
			assert.LessOrEqual(t, limit-best, 1+limit/searchPart, "limit %d from %d", limit, from)
			assert.LessOrEqual(t, tried, mostTries)
		}
	}
	_, err := search(1, 10, func(int) (bool, error) { return false, context.Canceled })
	require.ErrorIs(t, err, context.Canceled)
}

func TestRTPHoldsOnlyIfAllCameInTime(t *testing.T) {
	c := rtpWorkload.defaults
	c.Calls = 10
	times := func(p999, last time.Duration) rtpGot {
		g := rtpGot{received: received{Tracker: &tracker{Received: 1000}, End: 1e9}, Late: stat.NewLatency(), LastLate: int64(last)}
		g.Late.RecordN(1000, 990)
		g.Late.RecordN(int64(p999), 10)
		return g
	}
	sent := rtpSent{published: published{Events: 1000, End: 1e9}}
	r := sumRTP(c, sent, times(time.Millisecond, time.Millisecond))
	assert.True(t, r.Held)
	assert.InDelta(t, 1000, r.Achieved, 1e-6)
	assert.InDelta(t, 1000, r.Rate, 1e-9)
	assert.False(t, sumRTP(c, sent, times(6*time.Millisecond, time.Millisecond)).Held, "p99.9")
	assert.False(t, sumRTP(c, sent, times(time.Millisecond, 6*time.Millisecond)).Held, "the end")
	late := sent
	late.Unsent = 1
	assert.False(t, sumRTP(c, late, times(time.Millisecond, time.Millisecond)).Held, "unsent")
	late = sent
	late.Events++
	r = sumRTP(c, late, times(time.Millisecond, time.Millisecond))
	assert.EqualValues(t, 1, r.Lost)
	assert.False(t, r.Held, "lost")
}

// Lateness counts from when the first packet of a window was due, for all of it.
func TestLatenessIsTakenOnceAWindow(t *testing.T) {
	got := rtpGot{received: received{Tracker: newTracker(1, 1)}, Late: stat.NewLatency()}
	s := &lateSink{into: &got, pace: newPacer(0, 1e9)}
	s.sink = windowOf{s, []uint64{0, 1, 2}}
	n, err := s.take(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.EqualValues(t, 3, got.Late.Count())
	assert.EqualValues(t, 3, got.Tracker.Received)
	assert.Equal(t, got.Late.Percentiles().P50, got.Late.Percentiles().Max)
}

type windowOf struct {
	*lateSink
	seqs []uint64
}

func (w windowOf) take(context.Context) (int, error) {
	for _, seq := range w.seqs {
		w.see(payload.NewNote(0, seq, false), true, 0)
	}
	return len(w.seqs), nil
}

func TestPacketsOfAllStreamsInTurn(t *testing.T) {
	ps := packets{streams: 3}
	for _, seq := range []uint64{0, 1, 2, 3, 4, 100, 101, 7} {
		var v rtpEvent
		ps.fill(&v, seq, false, true)
		n, ok := payload.ReadRTP(&v.V, 3, true)
		assert.True(t, ok)
		assert.Equal(t, seq, n.Seq())
	}
}

// What a packet costs its publisher while nobody reads, by the way it takes.
func BenchmarkRTPSource(b *testing.B) {
	c := rtpWorkload.defaults
	lent, static, pack := c, c, c
	lent.Lent, static.Static, pack.Pack = true, true, true
	for _, way := range []struct {
		name string
		c    Config
	}{
		{"loans", lent}, {"copies", c}, {"static", static}, {"packs", pack},
	} {
		b.Run(way.name, func(b *testing.B) {
			bb, err := bus.OpenLocal(&bus.Options{Geometry: way.c.geometry(bus.Normal)})
			require.NoError(b, err)
			defer bb.Close()
			src, err := newRTPSource(bb, way.c.ends(0))
			require.NoError(b, err)
			defer src.close()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before, ok := fleet.ThreadCPU()
			for n := 0; n < b.N; n += way.c.Batch {
				if _, err := src.put(b.Context(), uint64(n), way.c.Batch, false); err != nil {
					b.Fatal(err)
				}
			}
			if after, _ := fleet.ThreadCPU(); ok {
				b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
			}
		})
	}
}

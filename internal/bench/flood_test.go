package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFloodSetsCriticalBesideItsIdleRun(t *testing.T) {
	for _, args := range [][]string{
		{"flood"},
		{"flood", "-local", "-subs", "2"},
		{"flood", "-pubs", "3", "-size", "200", "-batch", "1", "-wait", "park"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-rate", "300", "-duration", "100ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			f := r.Flood
			require.NotNil(t, f)
			for name, p := range map[string]any{
				"critical": f.Critical, "idle": f.Idle, "critical late": f.CriticalLate, "idle late": f.IdleLate,
			} {
				assert.NotNil(t, p, name)
			}
			assert.Equal(t, r.Latency, f.Critical)
			assert.GreaterOrEqual(t, f.CriticalLate.Max, f.Critical.P50, "from when it was due is longer")
			assert.InDelta(t, float64(f.Critical.P99)/float64(f.Idle.P99), r.Ratio, 1e-9)
			assert.Positive(t, f.Busy)
			require.Len(t, f.Lower, 2)
			subs := uint64(r.Config.Subs)
			total := 30 * subs
			for i, lane := range []string{"normal", "low"} {
				l := f.Lower[i]
				assert.Equal(t, lane, l.Lane)
				assert.Positive(t, l.DeliveredPerS, "the lower lanes still move")
				assert.Equal(t, l.Published*subs, l.Delivered+l.Lost)
				total += l.Delivered
			}
			assert.Zero(t, f.Lower[0].Lost)
			assert.Equal(t, total, r.Delivered, "30 Critical events, and the others")
			assert.Contains(t, errs, "processors busy")
		})
	}
}

func TestFloodBooksWhatWentWrong(t *testing.T) {
	c := floodConfig{streamConfig: streamConfig{Config: floodWorkload.defaults}}
	sent := []published{{Events: 10, End: 1e9}, {Events: 20}, {Events: 30}}
	books := func(critical, normal, low, missed uint64) []flooded {
		return []flooded{{Books: [3]*tracker{{Received: critical}, {Received: normal}, {Received: low, Missed: missed}}}}
	}
	r := sumFlood(c, sent, books(10, 20, 25, 5))
	assert.Zero(t, r.Lost, "what a lossy lane told of is not lost")
	assert.EqualValues(t, 5, r.Flood.Lower[1].Lost)
	assert.EqualValues(t, 55, r.Delivered)
	assert.InEpsilon(t, 20.0, r.Flood.Lower[0].PublishedPerS, 1e-9)
	assert.EqualValues(t, 1, sumFlood(c, sent, books(9, 20, 30, 0)).Lost)
	assert.EqualValues(t, 2, sumFlood(c, sent, books(10, 18, 30, 0)).Lost)
	assert.EqualValues(t, 3, sumFlood(c, sent, books(10, 20, 25, 2)).Lost, "3 of 5 were not told of")
	assert.EqualValues(t, 1, sumFlood(c, sent, books(10, 20, 30, 1)).Lost, "1 was told of that came")
}

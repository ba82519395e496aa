package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestWakeMeasuresBesideABareFutex(t *testing.T) {
	for _, args := range [][]string{
		{"wake"},
		{"wake", "-local"},
		{"wake", "-wait", "auto", "-size", "200"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-rate", "200", "-duration", "100ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			assert.EqualValues(t, 20, r.Published)
			assert.EqualValues(t, 20, r.Delivered)
			assert.Zero(t, r.Lost+r.Corrupt+r.Disordered)
			require.NotNil(t, r.Latency)
			require.NotNil(t, r.FutexNS)
			assert.Positive(t, r.Slept)
			assert.InDelta(t, float64(r.Latency.P50)/float64(r.FutexNS.P50), r.Ratio, 1e-9)
			assert.InDelta(t, float64(r.Latency.P99)/float64(r.FutexNS.P99), r.RatioP99, 1e-9)
			assert.Contains(t, r.RatioOf, "bare futex")
			assert.Zero(t, r.PublishNS)
			assert.Contains(t, errs, "bare futex p99")
		})
	}
}

func TestPacerFixesWhatIsDueByItsNumber(t *testing.T) {
	p := newPacer(1000, 1e6) // one each microsecond
	assert.EqualValues(t, 1000, p.due(0))
	assert.EqualValues(t, 6000, p.due(5))
	assert.EqualValues(t, 0, p.by(999))
	assert.EqualValues(t, 1, p.by(1000))
	assert.EqualValues(t, 1, p.by(1999))
	assert.EqualValues(t, 6, p.by(6000))
}

func TestPacerSleepsUntilItsTimeOrItsContextEnds(t *testing.T) {
	p := newPacer(bus.Now(), 1000)
	at := bus.Now() + int64(3*time.Millisecond)
	require.NoError(t, p.until(context.Background(), at))
	assert.GreaterOrEqual(t, bus.Now(), at)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, p.until(ctx, bus.Now()+int64(time.Hour)), context.Canceled)
}

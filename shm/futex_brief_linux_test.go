package shm

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBriefWaitIsAWait(t *testing.T) {
	word := uint32(7)
	require.ErrorIs(t, FutexWaitBriefly(&word, 8, 1, Now()+int64(time.Hour)), ErrChanged)
	for _, deadline := range []int64{1, -1, math.MinInt64, Now() - 1, Now() + int64(time.Millisecond)} {
		err := ErrInterrupted
		for err == ErrInterrupted {
			err = FutexWaitBriefly(&word, 7, 1, deadline)
		}
		require.ErrorIs(t, err, ErrTimeout)
		assert.GreaterOrEqual(t, Now()+int64(time.Millisecond), deadline)
	}
	assert.Panics(t, func() { _ = FutexWaitBriefly(&word, 7, 0, 1) })
	assert.Panics(t, func() { _ = FutexWaitBriefly(&word, 7, 1, 0) }, "without an end it might hold the collector up")
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = FutexWaitBriefly(&word, 7, 1, 1) }))

	r := newTestRegion(t, t.TempDir(), "calls")
	require.NoError(t, os.Truncate(filepath.Clean(r.Path()), HeaderSize))
	require.ErrorIs(t, FutexWaitBriefly(faultyWord(r), 0, 1, Now()+int64(time.Hour)), ErrFault)
}

func faultyWord(r *Region) *uint32 { return word(r.Bytes(), HeaderSize) }

// A sleeper that the scheduler knows nothing of is woken by others, and interrupted
// by the garbage collector, which would otherwise wait for it: its deadline is an
// hour away.
func TestBriefWaitHoldsUpNobody(t *testing.T) {
	addr := new(uint32)
	var stop atomic.Bool
	var interrupted atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			if FutexWaitBriefly(addr, 0, 2, Now()+int64(time.Hour)) == ErrInterrupted {
				interrupted.Add(1)
			}
		}
	}()
	require.Eventually(t, func() bool {
		runtime.GC() // hangs if the collector has to wait
		return interrupted.Load() > 2
	}, within, tick)
	stop.Store(true)
	require.Eventually(t, func() bool {
		_, err := FutexWake(addr, 1, 2)
		require.NoError(t, err)
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}, within, tick)
}

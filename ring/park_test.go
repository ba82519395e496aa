package ring_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

func never() bool { return false }

func futexWord() (*atomic.Uint32, *uint32) {
	w := word.U32(ring.NewMemory(64), 0)
	return w, word.Futex(w)
}

func TestParkReturnsAtOnceWhenTheWordHasChanged(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		w, addr := futexWord()
		w.Store(5)
		for range 10 {
			require.NoError(t, p.Park(addr, 4, 1, 0, never))
		}
	})
}

// The word changes before the wake, so whatever happens first, Park ends. There
// is no deadline: a lost wake stops the test.
func TestParkNeverLosesAWake(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		rounds := 3000
		if testing.Short() {
			rounds = 300
		}
		w, addr := futexWord()
		const sleepers = 6
		for range rounds {
			val := w.Load()
			done := make(chan error, sleepers)
			for i := range sleepers {
				mask := uint32(1) << i
				go func() {
					var err error
					for w.Load() == val && err == nil {
						err = p.Park(addr, val, mask, 0, func() bool { return w.Load() != val })
					}
					done <- err
				}()
			}
			w.Add(1)
			require.NoError(t, p.Wake(addr, ring.AllBits))
			for range sleepers {
				within(t, "a sleeper wakes", done)
			}
		}
	})
}

func TestParkSleepsUntilItsDeadline(t *testing.T) {
	forParkers(t, func(t *testing.T, p ring.Parker) {
		_, addr := futexWord()
		done := make(chan error)
		for range 10 { // sleepers with a thread, and sleepers without
			go func() {
				deadline := shm.Now() + int64(2*time.Millisecond)
				var err error
				for shm.Now() < deadline && err == nil {
					err = p.Park(addr, 0, 1, deadline, never)
				}
				done <- err
			}()
		}
		for range 10 {
			within(t, "a sleeper wakes", done)
		}
	})
}

func TestLocalParkerWakesByMaskAndWord(t *testing.T) {
	var p ring.LocalParker
	_, a := futexWord()
	_, b := futexWord()
	done := make(chan error, 1)
	var parked, woken atomic.Bool
	go func() {
		parked.Store(true)
		err := p.Park(a, 0, 2, 0, never)
		woken.Store(true)
		done <- err
	}()
	require.Eventually(t, parked.Load, time.Minute, time.Millisecond)
	for range 100 {
		require.NoError(t, p.Wake(a, 1), "another mask")
		require.NoError(t, p.Wake(b, 2), "another word")
	}
	assert.False(t, woken.Load())
	require.Eventually(t, func() bool { // until it really sleeps
		_ = p.Wake(a, 2)
		return woken.Load()
	}, time.Minute, time.Millisecond)
	within(t, "the sleeper wakes", done)
}

package bus

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// While somebody has seized a seat, its owner waits.
func TestOwnedSeatIsSeized(t *testing.T) {
	lightenFences()
	l := seatLock{owned: true}
	l.Seize()
	var in atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Lock()
		in.Store(true)
		l.Unlock()
	}()
	for !in.Load() && l.waiting.Load() < 2 {
		runtime.Gosched()
	}
	require.False(t, in.Load(), "two are in it")
	l.Release()
	<-done
	require.True(t, in.Load())
	require.Zero(t, l.waiting.Load())
}

// Who owns a seat and those who seize it are never in it together, and all of them
// get in.
func TestOwnedSeatIsSeizedAgainAndAgain(t *testing.T) {
	lightenFences()
	l := seatLock{owned: true}
	var within, together atomic.Int32
	visit := func(stay int) {
		if within.Add(1) > 1 {
			together.Add(1)
		}
		for range stay {
			runtime.Gosched()
		}
		within.Add(-1)
	}
	var seizing sync.WaitGroup
	for range 2 {
		seizing.Go(func() {
			for range 200 {
				l.Seize()
				visit(10)
				l.Release()
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		seizing.Wait()
	}()
	turns := 0
	for seizers := true; seizers; turns++ {
		l.Lock()
		visit(turns % 2)
		l.Unlock()
		select {
		case <-over:
			seizers = false
		default:
		}
	}
	require.Zero(t, together.Load(), "two are in it")
	require.Zero(t, l.waiting.Load())
	t.Log(turns, "turns of its owner")
}

// An exclusive publisher that two goroutines use at a time says so, where it sees it.
func TestOwnedSeatHasOneOwner(t *testing.T) {
	l := seatLock{owned: true}
	for range 2 {
		l.Lock()
		require.Panics(t, l.Lock)
		l.Unlock()
	}
}

package shm

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func init() {
	// sleeper DIR MASK: sleeps on the first word of the body while that is 0, until woken.
	roles["sleeper"] = func(c *stage, args []string) {
		mask, err := strconv.ParseUint(args[1], 0, 32)
		must(err)
		r, err := Open("calls", &Options{Dir: args[0]})
		must(err)
		c.say("ready")
		for {
			if err := FutexWait(word(r.Bytes(), HeaderSize), 0, uint32(mask), 0); err != ErrInterrupted {
				must(err)
				break
			}
		}
		c.say("woken")
		c.hear()
	}
	// clock: says what time it is, on every line.
	roles["clock"] = func(c *stage, args []string) {
		for {
			c.hear()
			c.say("%d", Now())
		}
	}
}

// wakeOne wakes until it has woken one sleeper, which proves that somebody slept with that mask.
func wakeOne(t *testing.T, addr *uint32, mask uint32) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := FutexWake(addr, math.MaxInt, mask)
		require.NoError(t, err)
		require.LessOrEqual(t, n, 1, "more than whose mask it is")
		return n == 1
	}, within, tick)
}

func TestFutexAcrossProcesses(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		r := newTestRegion(t, dir, "calls")
		addr := word(r.Bytes(), HeaderSize)
		one, two := start(t, "sleeper", dir, "0x1"), start(t, "sleeper", dir, "0x80000002")
		one.expect("ready")
		two.expect("ready")

		wakeOne(t, addr, 0x80000000)
		two.expect("woken")
		n, err := FutexWake(addr, math.MaxInt, 0xfffffffe)
		require.NoError(t, err)
		assert.Zero(t, n, "nobody is left whose mask has one of these bits")
		wakeOne(t, addr, 0x3)
		one.expect("woken")
	})
}

func TestFutexMaskSelects(t *testing.T) {
	addr := new(uint32)
	woken := make(chan uint32)
	for _, mask := range []uint32{1, 2, 4} {
		go func() {
			for {
				if FutexWait(addr, 0, mask, 0) == nil {
					woken <- mask
					return
				}
			}
		}()
	}
	for _, mask := range []uint32{4, 1, 2} {
		wakeOne(t, addr, mask)
		assert.Equal(t, mask, <-woken)
	}
}

func TestFutexWakesAsManyAsAsked(t *testing.T) {
	addr := new(uint32)
	const sleepers = 5
	woken := make(chan struct{})
	for range sleepers {
		go func() {
			for FutexWait(addr, 0, 1, 0) != nil {
			}
			woken <- struct{}{}
		}()
	}
	for range sleepers {
		require.Eventually(t, func() bool {
			n, err := FutexWake(addr, 1, 1)
			require.NoError(t, err)
			require.LessOrEqual(t, n, 1)
			return n == 1
		}, within, tick)
		<-woken
	}
}

func TestFutexDoesNotSleep(t *testing.T) {
	word := uint32(7)
	require.ErrorIs(t, FutexWait(&word, 8, 1, 0), ErrChanged)
	require.ErrorIs(t, FutexWait(&word, 8, 1, Now()+int64(time.Hour)), ErrChanged)

	// A deadline is a time of Now, so one that has passed ends at once and one ahead is waited for.
	for _, deadline := range []int64{1, -1, math.MinInt64, Now() - 1, Now() + int64(time.Millisecond)} {
		err := ErrInterrupted
		for err == ErrInterrupted {
			err = FutexWait(&word, 7, 1, deadline)
		}
		require.ErrorIs(t, err, ErrTimeout)
		assert.GreaterOrEqual(t, Now()+int64(time.Millisecond), deadline)
	}

	n, err := FutexWake(&word, 1, math.MaxUint32)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Panics(t, func() { _ = FutexWait(&word, 7, 0, 0) })
	assert.Panics(t, func() { _, _ = FutexWake(&word, 1, 0) })
}

func TestFutexOnTruncatedMemory(t *testing.T) {
	r := newTestRegion(t, t.TempDir(), "calls")
	require.NoError(t, os.Truncate(filepath.Clean(r.Path()), HeaderSize))
	addr := word(r.Bytes(), HeaderSize)
	require.ErrorIs(t, FutexWait(addr, 0, 1, 0), ErrFault)
	_, err := FutexWake(addr, 1, 1)
	require.ErrorIs(t, err, ErrFault)
}

func TestFutexDoesNotAllocate(t *testing.T) {
	word := uint32(7)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_ = FutexWait(&word, 8, 1, Now()+1)
		_ = FutexWait(&word, 7, 1, 1)
		_, _ = FutexWake(&word, 1, 1)
	}))
}

func TestNowIsComparableAcrossProcesses(t *testing.T) {
	c := start(t, "clock")
	for range 20 {
		before := Now()
		c.say("?")
		theirs, err := strconv.ParseInt(c.hear(), 10, 64)
		require.NoError(t, err)
		assert.LessOrEqual(t, before, theirs)
		assert.LessOrEqual(t, theirs, Now())
	}
}

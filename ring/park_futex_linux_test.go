package ring_test

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// threads is how many threads this process has.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(status), "\nThreads:")
	require.True(t, found)
	line, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	return n
}

// Many sleepers of one word share a thread, and all wake.
func TestAHundredFutexSleepersHoldFewThreads(t *testing.T) {
	const sleepers = 100
	before := threads(t)
	bell := newBell(&ring.FutexParker{})
	var armed, rung atomic.Int32
	done := make(chan error, sleepers)
	for range sleepers {
		go func() {
			ticket := bell.Arm(1)
			armed.Add(1)
			var err error
			for rung.Load() == 0 && err == nil {
				err = bell.Sleep(ticket, 1, 0, func() bool { return rung.Load() != 0 })
			}
			done <- err
		}()
	}
	most := 0
	require.Eventually(t, func() bool {
		most = max(most, threads(t))
		return armed.Load() == sleepers
	}, time.Minute, time.Millisecond)
	for range 50 { // whoever takes a thread has taken it by now, or takes it now
		most = max(most, threads(t))
		select {
		case err := <-done:
			require.FailNow(t, "woken by nobody", "%v", err)
		case <-time.After(time.Millisecond):
		}
	}
	assert.Less(t, most, before+sleepers/2, "threads while %d sleep, %d before", sleepers, before)
	rung.Store(1)
	bell.Ring(1)
	for range sleepers {
		within(t, "a sleeper wakes", done)
	}
}

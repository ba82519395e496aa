package bus

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/shm"
)

// Of one who begins a call and one who wants no more of them, at least one sees the
// other, whoever makes the fences.
func TestMarkIsSeen(t *testing.T) {
	lightenFences()
	was := fences.light.Load()
	defer fences.light.Store(was)
	defer func() { makeFence = shm.Fence }()
	for _, c := range []struct {
		light bool
		fence func() error
	}{
		{false, shm.Fence},
		{true, shm.Fence},
		{true, func() error { return errors.New("the kernel makes them no more") }},
	} {
		if c.light && !was {
			t.Log("the kernel makes no fences here")
			continue
		}
		fences.light.Store(c.light)
		makeFence = c.fence
		seen, within, both, rounds := meetings(2 * time.Second)
		require.Equal(t, rounds, seen+within-both, "neither has seen the other, light: %v", c.light)
		t.Logf("light %v: %d meetings, seen by the owner %d times, by the other %d, by both %d", c.light, rounds, seen, within, both)
	}
}

// meetings lets the two meet, again and again, for as long as that; the shorter they
// meet the more often.
func meetings(long time.Duration) (seen, within, both, rounds int) {
	var m mark
	var over, last atomic.Bool
	var there atomic.Int64
	meet := func(n int64) {
		there.Add(1)
		for i := 0; there.Load() < n; i++ {
			if i > 1000 {
				runtime.Gosched() // there may be one processor
			}
		}
	}
	saw := false
	go func() {
		for n := int64(0); !last.Load(); n += 4 {
			meet(n + 2)
			m.enter()
			saw = over.Load()
			meet(n + 4)
		}
	}()
	begin := time.Now()
	for n := int64(0); !last.Load(); n += 4 {
		m.leave()
		over.Store(false)
		done := rounds == 200_000 || time.Since(begin) > long
		meet(n + 2)
		over.Store(true)
		in := m.within()
		last.Store(done)
		meet(n + 4)
		rounds++
		if saw {
			seen++
		}
		if in {
			within++
		}
		if saw && in {
			both++
		}
	}
	return seen, within, both, rounds
}

// A mark is taken once, and what was done in a call is seen by who finds it ended.
func TestMarkEnds(t *testing.T) {
	var m mark
	require.True(t, m.enter())
	require.False(t, m.enter())
	require.True(t, m.within())
	done := 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		done++
		m.leave()
	}()
	for m.within() {
	}
	require.Equal(t, 1, done)
	<-ended
	require.True(t, m.enter())
}

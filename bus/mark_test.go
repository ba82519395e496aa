package bus

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of one who begins a call and one who wants no more of them, at least one sees the
// other, whoever makes the fences.
func TestMarkIsSeen(t *testing.T) {
	lightenFences()
	was := fences.light.Load()
	defer fences.light.Store(was)
	for _, light := range []bool{false, true} {
		if light && !was {
			t.Log("the kernel makes no fences here")
			continue
		}
		fences.light.Store(light)
		var met struct{ owner, other, both int }
		for range 3_000 {
			var m mark
			var over atomic.Bool
			var ready atomic.Int32
			meet := func() {
				for ready.Add(1); ready.Load() < 2; {
				}
			}
			saw := make(chan bool)
			go func() {
				meet()
				m.enter()
				over := over.Load()
				saw <- over
			}()
			meet()
			over.Store(true)
			within := m.within()
			seen := <-saw
			switch {
			case seen && within:
				met.both++
			case seen:
				met.owner++
			case within:
				met.other++
			default:
				require.Fail(t, "neither has seen the other", "light: %v", light)
			}
		}
		t.Logf("light %v: seen by the owner %d times, by the other %d, by both %d", light, met.owner, met.other, met.both)
	}
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

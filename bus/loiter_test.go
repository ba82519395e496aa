package bus

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEventsEarnYields(t *testing.T) {
	var l loiter
	l.earn(3)
	assert.Equal(t, 3, l.yields)
	l.yields = 1
	l.earn(3)
	assert.Equal(t, 1, l.yields, "nothing has come in since")
	l.earn(10)
	assert.Equal(t, 8, l.yields)
	l.earn(1 << 40)
	assert.Equal(t, mostYields, l.yields)
}

// beside lets fn run in another goroutine after the caller has let others run n times.
// There is one processor.
func beside(n int, fn func()) {
	go func() {
		for range n {
			runtime.Gosched()
		}
		fn()
	}()
}

// few is more yields than everybody has.
const few = 4 * autoYields

// Who has had many events waits for more without sleeping, and has none left after
// a while.
func TestLoitersForAsLongAsItHasEarned(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	_, p, s := heeling(t)
	sub := s.s
	sleeps := func() uint64 { return sub.bus.region.subscribers[sub.record].wakeups.Load() }
	publish := func() { assert.NoError(t, p.TryPublish(&heeled{})) }
	receive := func() {
		_, err := s.Receive(context.Background())
		require.NoError(t, err)
	}

	beside(few, publish)
	receive()
	slept := sleeps()
	require.Positive(t, slept, "it has not earned anything yet")
	require.Zero(t, sub.loiter.yields)

	for range 16 * few {
		publish()
		receive()
	}
	beside(few, publish)
	receive()
	require.Equal(t, slept, sleeps())
	require.Positive(t, sub.loiter.yields)

	sub.loiter.yields = few
	beside(8*few, publish)
	receive()
	require.Greater(t, sleeps(), slept, "it has no more")
	require.Zero(t, sub.loiter.yields)
}

// What was there before it is none of its.
func TestWhoComesLateHasEarnedNothing(t *testing.T) {
	b, p, _ := heeling(t)
	for range few {
		require.NoError(t, p.TryPublish(&heeled{}))
	}
	late, err := Subscribe[heeled](b, nil)
	require.NoError(t, err)
	late.s.loiter.earn(late.s.come())
	assert.Zero(t, late.s.loiter.yields)
	require.NoError(t, p.TryPublish(&heeled{}))
	_, err = late.TryReceive()
	require.NoError(t, err)
	late.s.loiter.earn(late.s.come())
	assert.Equal(t, 1, late.s.loiter.yields)
}

// The end of a call's context ends its loitering.
func TestLoiteringEndsWithTheCall(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	_, _, s := heeling(t)
	s.s.loiter.yields = mostYields
	ctx, cancel := context.WithCancel(context.Background())
	beside(few, cancel)
	_, err := s.Receive(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, s.s.bus.region.subscribers[s.s.record].wakeups.Load())
	require.Greater(t, s.s.loiter.yields, mostYields/2)
}

// Close waits for who loiters, as it does for who sleeps: his place is free then.
func TestCloseWaitsForWhoLoiters(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b, p, _ := heeling(t)
	s, err := Subscribe[heeled](b, &SubscribeOptions{Durable: "loiters"})
	require.NoError(t, err)
	for range 20 {
		s.s.loiter.yields = mostYields
		done := make(chan error, 1)
		go func() {
			_, err := s.Receive(context.Background())
			done <- err
		}()
		for range few { // it waits
			runtime.Gosched()
		}
		require.NoError(t, s.Close())
		again, err := Subscribe[heeled](b, &SubscribeOptions{Durable: "loiters"})
		require.NoError(t, err)
		require.ErrorIs(t, <-done, ErrClosed)
		s = again
	}
	require.NoError(t, p.TryPublish(&heeled{}))
	_, err = s.Receive(context.Background())
	require.NoError(t, err)
	require.NoError(t, s.Remove())
}

// Who is to get urgent events sleeps at once, and so does who may hand events to other
// goroutines.
func TestLoitersOnlyWhereItMay(t *testing.T) {
	b, _, s := heeling(t)
	urgent, err := Subscribe[urgentEvent](b, nil)
	require.NoError(t, err)
	lends, err := Subscribe[heeled](b, nil)
	require.NoError(t, err)
	_, err = lends.TryTake()
	require.ErrorIs(t, err, ErrEmpty)
	for _, sub := range []*Subscription{s.s, urgent.s, lends.s} {
		sub.loiter.yields = few
		found, err := sub.loiters(waitFor{})
		require.NoError(t, err)
		require.False(t, found)
	}
	assert.Zero(t, s.s.loiter.yields)
	assert.Equal(t, few, urgent.s.loiter.yields)
	assert.Equal(t, few, lends.s.loiter.yields)
}

package floor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFanGivesAllToEverybody(t *testing.T) {
	for _, o := range []Options{
		{Size: 64, Batch: 1, Verify: true, Budget: time.Millisecond},
		{Size: 16, Batch: 8, Budget: time.Millisecond, Together: true},
	} {
		const readers, capacity = 3, 16
		mem := make([]byte, FanSize(o, readers, capacity))
		done := make(chan error, readers)
		for i := range readers {
			f, err := NewFan(context.Background(), mem, o, readers, capacity)
			require.NoError(t, err)
			go func() { done <- f.Read(i) }()
		}
		f, err := NewFan(context.Background(), mem, o, readers, capacity)
		require.NoError(t, err)
		ns, err := f.Write()
		require.NoError(t, err)
		assert.Positive(t, ns)
		for range readers {
			require.NoError(t, <-done)
		}
		at, ok := f.slowest()
		assert.True(t, ok)
		assert.Equal(t, f.tail.Load()&^fanStop, at)
	}
}

func TestFanNoticesWhatIsWrong(t *testing.T) {
	o := Options{Size: 64, Verify: true}
	_, err := NewFan(context.Background(), make([]byte, 100), o, 1, 8)
	require.Error(t, err)
	_, err = NewFan(context.Background(), make([]byte, 1<<20), o, 1, 12)
	require.Error(t, err, "no power of two")

	mem := make([]byte, FanSize(o, 1, 8))
	f, err := NewFan(context.Background(), mem, o, 1, 8)
	require.NoError(t, err)
	f.tail.Store(2)
	require.ErrorIs(t, f.Read(0), ErrDamaged, "an event that nobody wrote")

	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	f, err = NewFan(ctx, make([]byte, FanSize(o, 1, 8)), o, 1, 8)
	require.NoError(t, err)
	_, err = f.Write()
	require.ErrorIs(t, err, gone)
	f.tail.Store(0)
	require.ErrorIs(t, f.Read(0), gone)
}

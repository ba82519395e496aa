package floor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPairTellsTheTimeOfItsWakes(t *testing.T) {
	mem := make([]byte, PairSize)
	ctx := context.Background()
	wakes, err := NewPair(ctx, mem)
	require.NoError(t, err)
	sleeps, err := NewPair(ctx, mem)
	require.NoError(t, err)

	require.NoError(t, wakes.Wake(7))
	at, err := sleeps.Sleep()
	require.NoError(t, err)
	assert.EqualValues(t, 7, at)

	got := make(chan int64, 1)
	go func() {
		at, err := sleeps.Sleep()
		assert.NoError(t, err)
		got <- at
	}()
	require.NoError(t, wakes.Wake(8))
	assert.EqualValues(t, 8, <-got)
	assert.EqualValues(t, 2, sleeps.Woken())

	require.NoError(t, wakes.Wake(9))
	require.NoError(t, wakes.Stop())
	at, err = sleeps.Sleep()
	require.NoError(t, err, "the last wake is seen before the stop")
	assert.EqualValues(t, 9, at)
	_, err = sleeps.Sleep()
	require.ErrorIs(t, err, ErrStopped)
	_, err = NewPair(ctx, mem[:8])
	require.Error(t, err)
}

func TestPairEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, err := NewPair(ctx, make([]byte, PairSize))
	require.NoError(t, err)
	_, err = p.Sleep()
	require.ErrorIs(t, err, context.Canceled)
}

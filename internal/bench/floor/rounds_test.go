package floor

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoundsEndWhenAllHaveEndedThem(t *testing.T) {
	const followers, rounds = 5, 20
	mem := make([]byte, RoundsSize)
	ctx := context.Background()
	var worked atomic.Int64
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			r, err := NewRounds(ctx, mem, followers)
			assert.NoError(t, err)
			for {
				err := r.Next()
				if err != nil {
					assert.ErrorIs(t, err, ErrStopped)
					return
				}
				worked.Add(1)
				assert.NoError(t, r.End())
			}
		})
	}
	r, err := NewRounds(ctx, mem, followers)
	require.NoError(t, err)
	for i := range int64(rounds) {
		require.NoError(t, r.Play())
		require.Equal(t, (i+1)*followers, worked.Load())
	}
	require.NoError(t, r.Stop())
	wg.Wait()
}

func TestRoundsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := NewRounds(ctx, make([]byte, RoundsSize), 1)
	require.NoError(t, err)
	require.ErrorIs(t, r.Next(), context.Canceled)
	require.ErrorIs(t, r.Play(), context.Canceled)
	_, err = NewRounds(ctx, make([]byte, 8), 1)
	require.Error(t, err)
}

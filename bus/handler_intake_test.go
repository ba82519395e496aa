package bus

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a server of a group has taken is finished, whatever becomes of it: nobody else
// serves what it has refused, or is at work on.
func TestServerFinishesWhatItTakes(t *testing.T) {
	b, err := OpenLocal(nil)
	require.NoError(t, err)
	defer b.Close()
	join := func() *Subscription {
		s, err := b.Subscribe(&SubscribeOptions{Group: "servers"})
		require.NoError(t, err)
		return s
	}
	first := join()
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	for i := range uint64(2) {
		require.NoError(t, pub.TryPublish(&fuzzed{i, 0}))
	}
	var j job
	require.NoError(t, copying{first}.receive(context.Background(), &j, false))
	require.NoError(t, first.Close())
	next := join()
	defer next.Close()
	require.NoError(t, copying{next}.receive(context.Background(), &j, false))
	require.Equal(t, uint64(1), j.event.Header().Position)
	require.ErrorIs(t, copying{next}.receive(context.Background(), &j, false), ErrEmpty)
}

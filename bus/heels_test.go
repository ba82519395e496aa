package bus

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

type heeled struct{ N uint64 }

func roomy(t *testing.T) *Bus {
	geo := tiny()
	geo.Normal.Capacity, geo.Normal.Pins = 1024, 128
	b, err := OpenLocal(&Options{Geometry: geo})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func heeling(t *testing.T) (*Bus, *Publisher[heeled], *Subscriber[heeled]) {
	b := roomy(t)
	p, err := NewPublisher[heeled](b, nil)
	require.NoError(t, err)
	s, err := Subscribe[heeled](b, nil)
	require.NoError(t, err)
	return b, p, s
}

// One event for each receive is no flood: who finds no more after waiting for it
// waits ever more rarely.
func TestLingersEverMoreRarely(t *testing.T) {
	_, p, s := heeling(t)
	h := &s.s.only.heels
	require.True(t, h.eases)

	lingered := 0
	for range 4 * mostPasses {
		before := h.patience.passes
		require.NoError(t, p.TryPublish(&heeled{}))
		_, err := s.Receive(context.Background())
		require.NoError(t, err)
		if h.patience.passes != before {
			require.Equal(t, min(2*before+1, mostPasses), h.patience.passes)
			lingered++
		}
	}
	require.Equal(t, mostPasses, h.patience.passes)
	require.Equal(t, 13, lingered) // 1, 3, 7 and so on to 4095 and 4096
	require.Positive(t, h.patience.pass)
	require.LessOrEqual(t, h.patience.pass, mostPasses)

	// Enough events at once, and it does so at every occasion.
	h.patience.pass = 0
	require.NoError(t, p.TryPublish(&heeled{}))
	for h.caught < heelsAfter {
		require.NoError(t, p.TryPublish(&heeled{}))
		_, err := s.Receive(context.Background())
		require.NoError(t, err)
	}
	for range lingerWorth {
		require.NoError(t, p.TryPublish(&heeled{}))
	}
	for range lingerWorth {
		_, err := s.Receive(context.Background())
		require.NoError(t, err)
	}
	require.Zero(t, h.patience.passes)
}

// Who polls never lingers, nor who must not be late.
func TestLingersOnlyWhereItMay(t *testing.T) {
	b, p, polls := heeling(t)
	spins, err := Subscribe[heeled](b, &SubscribeOptions{Wait: WaitSpin})
	require.NoError(t, err)
	for range 8 * heelsAfter {
		require.NoError(t, p.TryPublish(&heeled{}))
		_, err := polls.TryReceive()
		require.NoError(t, err)
		_, err = spins.Receive(context.Background())
		require.NoError(t, err)
	}
	for _, s := range []*Subscription{polls.s, spins.s} {
		require.Greater(t, s.only.heels.caught, heelsAfter)
		require.Zero(t, s.only.heels.patience.passes)
	}
	urgent, err := b.Subscribe(&SubscribeOptions{Priorities: []Priority{Critical}})
	require.NoError(t, err)
	require.False(t, urgent.only.heels.eases)
}

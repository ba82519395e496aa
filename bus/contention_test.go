package bus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func alternating(t *testing.T, priority Priority) (a, b *Publisher[heeled]) {
	t.Helper()
	bus := roomy(t)
	open := func() *Publisher[heeled] {
		p, err := NewPublisher[heeled](bus, &PublisherOptions{Exclusive: true, Type: TypeOptions{Priority: priority}})
		require.NoError(t, err)
		return p
	}
	return open(), open()
}

// Publishers that publish in turn lose an entry each time, and hinder nobody: who has
// stepped back for nothing does so ever more rarely.
func TestStepsBackEverMoreRarely(t *testing.T) {
	p, q := alternating(t, Normal)
	c := &p.alone.contention
	steps := 0
	for range 4 * mostPasses {
		was := c.stepped
		require.NoError(t, p.TryPublish(&heeled{}))
		if c.stepped && !was {
			steps++
		}
		require.NoError(t, q.TryPublish(&heeled{}))
	}
	require.Equal(t, mostPasses, c.patience.passes)
	require.Positive(t, steps)
	require.LessOrEqual(t, steps, 14, "1, 3, 7 and so on to 4095 are passed over between them")
}

// Nor does who publishes now and then beside somebody who publishes more, while nobody is
// in anybody's way.
func TestStepsBackEverMoreRarelyAtAnyRate(t *testing.T) {
	for _, of := range []int{3, 17, 30} {
		p, q := alternating(t, Normal)
		c := &p.alone.contention
		steps := 0
		for range 2000 {
			was := c.stepped
			require.NoError(t, p.TryPublish(&heeled{}))
			if c.stepped && !was {
				steps++
			}
			for range of {
				require.NoError(t, q.TryPublish(&heeled{}))
			}
		}
		require.Positive(t, steps, "one to %d", of)
		require.LessOrEqual(t, steps, 14, "of 2000, one to %d", of)
	}
}

// Where others make use of it, he does so whenever they get in each other's way.
func TestStepsBackForOthers(t *testing.T) {
	p, q := alternating(t, Normal)
	s := p.alone
	for _, tt := range []struct {
		others          int
		verdict, passes int
	}{{stepWorth - 8, stepInVain, 15}, {2 * stepWorth, stepUsed, 0}} {
		s.contention.stepped, s.contention.patience = true, patience{passes: 7}
		at := s.prod.Next()
		for range tt.others {
			require.NoError(t, q.TryPublish(&heeled{}))
		}
		s.judge(at)
		require.EqualValues(t, tt.verdict, s.contention.verdict.Load())
		for i := 0; s.contention.stepped && i < 100; i++ { // until it loses an entry
			require.NoError(t, q.TryPublish(&heeled{}))
			require.NoError(t, p.TryPublish(&heeled{}))
		}
		require.False(t, s.contention.stepped)
		require.Equal(t, tt.passes, s.contention.patience.passes)
		require.NoError(t, p.TryPublish(&heeled{}))
	}
}

func TestUrgentPublishersDoNotStepBack(t *testing.T) {
	p, q := alternating(t, High)
	for range 100 {
		require.NoError(t, p.TryPublish(&heeled{}))
		require.NoError(t, q.TryPublish(&heeled{}))
		require.False(t, p.alone.contention.stepped)
	}
	require.NotZero(t, p.alone.contention.lost)
}

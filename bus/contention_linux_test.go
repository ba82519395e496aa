package bus

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who steps back has given the seat back, and so the bus may be closed meanwhile, and its
// memory gone.
func TestStepsBackFromABusThatCloses(t *testing.T) {
	b, err := Open("contention", &Options{Dir: t.TempDir(), Geometry: tiny()})
	require.NoError(t, err)
	p, err := NewPublisher[heeled](b, &PublisherOptions{Exclusive: true})
	require.NoError(t, err)
	require.NoError(t, p.TryPublish(&heeled{}))
	s := p.alone
	s.contention.stepped = true
	require.NoError(t, b.Close())
	s.stepBack(s.contention.at)
	require.EqualValues(t, stepInVain, s.contention.verdict.Load())
}

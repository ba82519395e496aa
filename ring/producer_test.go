package ring

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reader that joins behind the tail takes away what producers believe of
// positions that nobody pins. If that happens between their scan and their
// choice of a cell, what the scan found must still do.
func TestAReaderThatJoinsAfterAScanCostsNoSlot(t *testing.T) {
	g := goodGeometry()
	mem := NewMemory(g.Size())
	require.NoError(t, Format(mem, g, 0))
	l, err := Attach(mem, g, &LocalParker{})
	require.NoError(t, err)
	port, err := l.ClaimPort(1)
	require.NoError(t, err)
	p, err := l.NewProducer(port, nil)
	require.NoError(t, err)
	for range 50 {
		p.scan()
		l.generation.Add(1)
		assert.GreaterOrEqual(t, p.pick(), 0)
		c, _, err := p.Reserve()
		require.NoError(t, err)
		_, err = p.Publish(c)
		require.NoError(t, err)
	}
	assert.NoError(t, l.Check())
}

package bus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/shm"
)

// Whoever uses package shm for something else is left alone.
func TestRegionThatIsNoBus(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, bus.Options{Geometry: small()})
	other, err := shm.Create("scratch", &shm.Options{Dir: dir, Size: 1 << 16})
	require.NoError(t, err)
	defer other.Release()
	o := &bus.Options{Dir: dir}
	_, err = bus.Open("scratch", o)
	require.ErrorIs(t, err, bus.ErrForeign)
	_, err = bus.Inspect("scratch", o)
	require.ErrorIs(t, err, bus.ErrForeign)
	regions, err := bus.List(dir)
	require.NoError(t, err)
	require.Len(t, regions, 1)
	assert.Equal(t, "test", regions[0].Name)
}

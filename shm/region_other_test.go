//go:build !linux

package shm

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnsupported(t *testing.T) {
	o := &Options{Dir: t.TempDir(), Size: 1 << 20}
	_, err := Create("calls", o)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = Open("calls", o)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, _, err = OpenOrCreate("calls", o)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = View("calls", o)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, Remove("calls", o), errors.ErrUnsupported)
	_, err = List(o.Dir)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, FutexWait(new(uint32), 0, 1, 1), errors.ErrUnsupported)
}

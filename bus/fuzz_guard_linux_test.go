package bus

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// guarded is memory between two pages that nobody may touch: to read or write a
// byte outside of it is a fault, which is no error of the bus's and ends the test.
func guarded(t testing.TB, size int) *heap {
	t.Helper()
	page := os.Getpagesize()
	require.Zero(t, size%page)
	all, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(all)) })
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		require.NoError(t, unix.Mprotect(guard, unix.PROT_NONE))
	}
	return &heap{all[page : page+size : page+size]}
}

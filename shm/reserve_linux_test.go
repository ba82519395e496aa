package shm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A file has all of its space before anybody touches it: what is missing must be an
// error now, and not a SIGBUS later.
func TestANewRegionHasItsSpace(t *testing.T) {
	dir, err := openDirectory(t.TempDir())
	require.NoError(t, err)
	defer dir.close()
	for name, temp := range map[string]string{"unnamed": "", "named": ".calls.tmp"} {
		t.Run(name, func(t *testing.T) {
			d, err := newDraft(dir, temp, 0o600, -1)
			if err == errNoUnnamed {
				t.Skip(err)
			}
			require.NoError(t, err)
			defer d.discard()
			const size = reserveChunk + 1<<20 // more than is reserved at a time
			require.NoError(t, d.reserve(size))
			var st unix.Stat_t
			require.NoError(t, unix.Fstat(d.fd, &st))
			assert.Equal(t, int64(size), st.Size)
			assert.GreaterOrEqual(t, st.Blocks*512, int64(size), "space that is there")
		})
	}
}

package shm

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Access says what makes another region accessible to the same users, within what
// Options allow.
func TestAccess(t *testing.T) {
	for _, c := range []struct {
		file, want os.FileMode
		group      bool
	}{
		{0o600, 0o600, false},
		{0o644, 0o644, false},
		{0o660, 0o660, true},
		{0o664, 0o664, true},
		{0o640, 0o640, false},
		{0o777, 0o664, true}, // what somebody did to the file later
		{0o400, 0o600, false},
	} {
		o := &Options{Dir: t.TempDir(), Size: 1 << 16, Meta: []byte("what it is")}
		made, err := Create("calls", o)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(made.Path(), c.file))
		r, err := View("calls", o)
		require.NoError(t, err)
		mode, group := r.Access()
		assert.Equalf(t, c.want, mode, "%o", c.file)
		if c.group {
			assert.Equal(t, os.Getegid(), group)
		} else {
			assert.Zero(t, group)
		}
		_, err = newSpec("calls", &Options{Mode: mode, Group: group})
		require.NoError(t, err, "%o", c.file)
		require.NoError(t, r.Release())
		require.NoError(t, made.Release())

		entries, err := List(o.Dir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.Equal(t, o.Meta, entries[0].Meta)
	}
}

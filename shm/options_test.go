package shm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "calls", "a.b-c_D9", "-", "_", "lock", "x.lock.y", strings.Repeat("n", MaxName)} {
		assert.NoError(t, checkName(name), name)
	}
	for _, name := range []string{
		"", ".", "..", ".hidden", "a/b", "../a", "a b", "a\x00", "ä", "a\n", "x.lock", strings.Repeat("n", MaxName+1),
	} {
		_, err := Open(name, nil)
		assert.ErrorIs(t, err, ErrName, "%q", name)
		_, err = Create(name, &Options{Size: 1 << 20})
		assert.ErrorIs(t, err, ErrName, "%q", name)
		assert.ErrorIs(t, Remove(name, nil), ErrName, "%q", name)
		assert.ErrorIs(t, RemoveForce(name, nil), ErrName, "%q", name)
		_, err = View(name, nil)
		assert.ErrorIs(t, err, ErrName, "%q", name)
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for name, o := range map[string]*Options{
		"nothing said":             nil,
		"no size":                  {},
		"size of the header":       {Size: HeaderSize},
		"negative size":            {Size: -1},
		"huge size":                {Size: 1<<63 - 1},
		"execute bit":              {Size: 1 << 20, Mode: 0o700},
		"set-uid bit":              {Size: 1 << 20, Mode: os.ModeSetuid | 0o600},
		"no owner":                 {Size: 1 << 20, Mode: 0o060},
		"writable by all":          {Size: 1 << 20, Mode: 0o666},
		"negative group":           {Size: 1 << 20, Group: -1},
		"group that is shut out":   {Size: 1 << 20, Group: 5, Mode: 0o640},
		"description too long":     {Size: 1 << 20, Meta: make([]byte, MaxMeta+1)},
		"directory is of no avail": {Dir: "/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Create("calls", o)
			require.ErrorIs(t, err, ErrOptions)
			_, _, err = OpenOrCreate("calls", o)
			require.ErrorIs(t, err, ErrOptions)
		})
	}
}

func TestDefaults(t *testing.T) {
	s, err := newSpec("calls", nil)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), s.mode)
	s, err = newSpec("calls", &Options{Group: 5})
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o660), s.mode)
}

func TestDir(t *testing.T) {
	t.Setenv(EnvDir, "")
	if filepath.IsAbs(DefaultDir) { // not where paths begin with a drive
		assert.Equal(t, DefaultDir, Dir(""))
	}
	other := t.TempDir()
	t.Setenv(EnvDir, other)
	assert.Equal(t, other, Dir(""))
	mine := t.TempDir()
	assert.Equal(t, mine, Dir(mine))

	t.Chdir(mine)
	want, err := filepath.Abs("sub")
	require.NoError(t, err)
	assert.Equal(t, want, Dir("sub"))
}

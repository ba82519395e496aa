package shm

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mapped says whether this process maps the file of that path. It misses a creator's own mapping, which the kernel knows
// by the name that the file had when it had none.
func mapped(t *testing.T, path string) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Contains(string(maps), path+"\n")
}

func TestReleaseKeepsTheMappingForOtherUsers(t *testing.T) {
	dir := t.TempDir()
	newTestRegion(t, dir, "calls")
	r := openTestRegion(t, dir, "calls")
	require.NoError(t, pattern(r.Bytes()))
	require.True(t, tryLockOK(t, r, 0))

	require.True(t, r.Retain())
	require.NoError(t, r.Release())
	assert.True(t, mapped(t, r.Path()))
	assert.NoError(t, checkPattern(r.Bytes()))
	assert.True(t, tryLockOK(t, r, 0))

	require.NoError(t, r.Release())
	assert.False(t, mapped(t, r.Path()))
	assert.Nil(t, r.Bytes())
	assert.False(t, r.Retain(), "once gone, gone for ever")
	assert.Nil(t, r.Bytes())
	assert.Equal(t, "calls", r.Name(), "what is known stays known")
	assert.Panics(t, func() { _ = r.Release() })
	assert.False(t, r.Retain())
}

// Invariants: a user who could retain the region reads it whole, whoever releases it meanwhile; it is closed exactly once,
// by the last user; afterwards nobody can retain it.
func TestConcurrentUsers(t *testing.T) {
	for range 5 {
		r := newTestRegion(t, t.TempDir(), "calls")
		require.NoError(t, pattern(r.Bytes()))
		var users sync.WaitGroup
		var served atomic.Int64
		started := make(chan struct{}, 8)
		for range 8 {
			users.Go(func() {
				for i := range 20 {
					if !r.Retain() {
						return
					}
					served.Add(1)
					assert.NoError(t, checkPattern(r.Bytes()))
					assert.NoError(t, r.Release())
					if i == 0 {
						started <- struct{}{}
					}
				}
			})
		}
		for range 8 {
			<-started
		}
		require.NoError(t, r.Release())
		users.Wait()
		assert.GreaterOrEqual(t, served.Load(), int64(8))
		assert.Nil(t, r.Bytes())
		assert.False(t, mapped(t, r.Path()))
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	cycle := func() {
		r, _, err := OpenOrCreate("calls", &Options{Dir: dir, Size: testSize})
		require.NoError(t, err)
		v, err := View("calls", &Options{Dir: dir})
		require.NoError(t, err)
		_, err = Create("calls", &Options{Dir: dir, Size: testSize})
		require.ErrorIs(t, err, ErrExists)
		require.NoError(t, v.Release())
		require.ErrorIs(t, Remove("calls", &Options{Dir: dir}), ErrInUse)
		_, err = List(dir)
		require.NoError(t, err)
		require.NoError(t, r.Release())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "foreign"), nil, 0o600))
		_, err = Open("foreign", &Options{Dir: dir})
		require.ErrorIs(t, err, ErrForeign)
		require.NoError(t, Remove("calls", &Options{Dir: dir}))
	}
	cycle() // the first one opens what the runtime keeps
	before := files(t, "/proc/self/fd")
	for range 10 {
		cycle()
	}
	assert.Len(t, files(t, "/proc/self/fd"), len(before))
}

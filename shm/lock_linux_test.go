package shm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Conditions of tests get as long as a slow machine may need; a test ends when they hold.
const (
	within = 30 * time.Second
	tick   = time.Millisecond
)

func init() {
	// locker DIR: attaches, takes byte 5, and stays.
	roles["locker"] = func(c *stage, args []string) {
		r, err := Open("calls", &Options{Dir: args[0]})
		must(err)
		ok, err := r.TryLock(5)
		must(err)
		c.say("locked %v %d", ok, Self().Start)
		c.hear()
	}
	// idler: knows nothing of regions, and stays.
	roles["idler"] = func(c *stage, args []string) {
		c.say("here")
		c.hear()
	}
}

func tryLockOK(t *testing.T, r *Region, i int) bool {
	t.Helper()
	ok, err := r.TryLock(i)
	require.NoError(t, err)
	return ok
}

func lockedOK(t *testing.T, r *Region, i int) bool {
	t.Helper()
	held, err := r.Locked(i)
	require.NoError(t, err)
	return held
}

func TestLockBytes(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		a := newTestRegion(t, dir, "calls")
		b := openTestRegion(t, dir, "calls")

		for _, i := range []int{0, 1, MaxLocks - 1} {
			assert.True(t, tryLockOK(t, a, i))
			assert.True(t, tryLockOK(t, a, i), "again, by the same attachment")
			assert.False(t, tryLockOK(t, b, i), "two attachments of one process exclude each other")
			assert.True(t, lockedOK(t, b, i))
			assert.False(t, lockedOK(t, a, i), "one does not see one's own")
		}
		assert.True(t, tryLockOK(t, b, 2), "each byte is on its own")

		require.NoError(t, b.Unlock(0))
		assert.False(t, tryLockOK(t, b, 0), "nobody can give back what another holds")
		require.NoError(t, a.Unlock(0))
		assert.True(t, tryLockOK(t, b, 0))

		require.NoError(t, a.Release())
		assert.True(t, tryLockOK(t, b, 1), "the last user takes the bytes along")
		_, err := a.TryLock(1)
		require.ErrorIs(t, err, ErrClosed)
		_, err = a.Locked(1)
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, a.Unlock(1), ErrClosed)
	})
}

func TestLockByteOutOfRange(t *testing.T) {
	r := newTestRegion(t, t.TempDir(), "calls")
	for _, i := range []int{-1, MaxLocks} {
		assert.PanicsWithValue(t, fmt.Sprintf("shm: lock byte %d is not in [0, %d)", i, MaxLocks), func() { _, _ = r.TryLock(i) })
	}
}

// What classic POSIX locks get wrong: closing any other descriptor of the file drops them.
func TestLockSurvivesOtherDescriptors(t *testing.T) {
	dir := t.TempDir()
	a := newTestRegion(t, dir, "calls")
	b := openTestRegion(t, dir, "calls")
	require.True(t, tryLockOK(t, a, 3))

	f, err := os.OpenFile(filepath.Join(dir, lockName("calls", a.ID())), os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	c := openTestRegion(t, dir, "calls")
	require.NoError(t, c.Release())
	_, err = List(dir)
	require.NoError(t, err)
	require.ErrorIs(t, Remove("calls", &Options{Dir: dir}), ErrInUse)

	assert.True(t, lockedOK(t, b, 3))
}

func TestLockIsNotInherited(t *testing.T) {
	dir := t.TempDir()
	made := newTestRegion(t, dir, "calls")
	joined := openTestRegion(t, dir, "calls")
	watcher := openTestRegion(t, dir, "calls")
	require.True(t, tryLockOK(t, made, 3))
	require.True(t, tryLockOK(t, joined, 4))
	c := start(t, "idler")
	c.expect("here")
	require.NoError(t, made.Release())
	require.NoError(t, joined.Release())
	assert.True(t, tryLockOK(t, watcher, 3), "a child started meanwhile keeps nothing")
	assert.True(t, tryLockOK(t, watcher, 4), "a child started meanwhile keeps nothing")
	c.finish()
}

// The kernel drops the byte of a killed process before its parent reaps it: death needs no cooperation.
func TestLockOfKilledProcess(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	c := start(t, "locker", dir)
	var start uint64
	_, err := fmt.Sscanf(c.hear(), "locked true %d", &start)
	require.NoError(t, err)
	p := Process{PID: c.pid(), Start: start}
	alive, known := p.Alive()
	assert.True(t, alive)
	assert.True(t, known)
	require.False(t, tryLockOK(t, r, 5))

	c.kill()
	require.Eventually(t, func() bool { return tryLockOK(t, r, 5) }, within, tick)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid()))
	require.NoError(t, err, "nobody has reaped it")
	assert.True(t, bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" Z")) ||
		bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" R")), "%s", stat)
	require.Eventually(t, func() bool {
		alive, known := p.Alive()
		return !alive && known
	}, within, tick, "a zombie is dead")
	c.wait()
	alive, known = p.Alive()
	assert.False(t, alive)
	assert.True(t, known)
}

func TestCountAttachments(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	for i := range 5 {
		n, err := countAttachments(r.locks.fd, MaxLocks, maxAttach)
		require.NoError(t, err)
		assert.Equal(t, i, n, "others than this one")
		o := openTestRegion(t, dir, "calls")
		require.True(t, tryLockOK(t, o, i), "users' bytes do not count")
	}
}

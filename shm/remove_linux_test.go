package shm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() {
	// remover DIR STEP HOW: removes, and at that step either kills itself or stands still until it hears something.
	roles["remover"] = func(c *stage, args []string) {
		step = func(name string) {
			switch {
			case name != args[1]:
			case args[2] == "kill":
				must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
				select {}
			default:
				c.say("stopped")
				c.hear()
			}
		}
		must(Remove("victim", &Options{Dir: args[0]}))
		c.say("removed")
	}
}

func TestRemove(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		o := &Options{Dir: dir}
		require.ErrorIs(t, Remove("calls", o), ErrNotExist)
		a := newTestRegion(t, dir, "calls")
		b := openTestRegion(t, dir, "calls")
		newTestRegion(t, dir, "calls.other")

		err := Remove("calls", o)
		require.ErrorIs(t, err, ErrInUse)
		var used *InUseError
		require.ErrorAs(t, err, &used)
		assert.Equal(t, InUseError{Path: a.Path(), Attachments: 2}, *used)
		assert.ErrorContains(t, err, "2 live attachment(s) to "+a.Path())
		assert.Len(t, files(t, dir), 4)

		require.NoError(t, a.Release())
		require.ErrorIs(t, Remove("calls", o), ErrInUse)
		require.NoError(t, b.Release())
		require.NoError(t, Remove("calls", o))
		require.ErrorIs(t, Remove("calls", o), ErrNotExist)
		assert.Len(t, files(t, dir), 2, "the other region has nothing to do with it")
	})
}

func TestRemoveForceInUse(t *testing.T) {
	dir := t.TempDir()
	a := newTestRegion(t, dir, "calls")
	b := openTestRegion(t, dir, "calls")
	require.NoError(t, RemoveForce("calls", &Options{Dir: dir}))
	assert.Empty(t, files(t, dir))
	require.ErrorIs(t, RemoveForce("calls", &Options{Dir: dir}), ErrNotExist)

	a.Bytes()[HeaderSize] = 9
	assert.EqualValues(t, 9, b.Bytes()[HeaderSize], "who is attached goes on")
	require.True(t, tryLockOK(t, a, 0))
	assert.False(t, tryLockOK(t, b, 0))

	c := newTestRegion(t, dir, "calls")
	assert.NotEqual(t, a.ID(), c.ID())
	assert.Zero(t, c.Bytes()[HeaderSize])
	require.True(t, tryLockOK(t, c, 0), "the new region has a lock file of its own")
}

func TestKilledRemover(t *testing.T) {
	for _, step := range []string{"remove region", "remove lock file"} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			old := newTestRegion(t, dir, "victim")
			require.NoError(t, old.Release())
			c := start(t, "remover", dir, step, "kill")
			c.expect("")
			c.wait()

			r, created, err := OpenOrCreate("victim", &Options{Dir: dir, Size: testSize})
			require.NoError(t, err)
			releaseAfter(t, r)
			assert.Equal(t, step == "remove lock file", created)
			assert.Equal(t, []string{"victim", lockName("victim", r.ID())}, files(t, dir), "nothing else is left")
		})
	}
}

// Nobody can be attached while a remover holds the region, so a remover that is stopped there harms no one who works; but
// who starts gets an error that says so, until it goes on or the region is removed by force.
func TestFrozenRemover(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir, Size: testSize}
	old := newTestRegion(t, dir, "victim")
	require.NoError(t, old.Release())
	c := start(t, "remover", dir, "remove region", "freeze")
	c.expect("stopped")
	_, _, err := OpenOrCreate("victim", o)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, Remove("victim", o), ErrBusy)

	c.say("go on")
	c.expect("removed")
	c.finish()
	assert.Empty(t, files(t, dir))
	r, created, err := OpenOrCreate("victim", o)
	require.NoError(t, err)
	releaseAfter(t, r)
	assert.True(t, created)
}

// A lock file that anybody holds, or that could belong to the region, stays.
func TestSweepKeeps(t *testing.T) {
	dir := t.TempDir()
	d, err := openDirectory(dir)
	require.NoError(t, err)
	defer d.close()
	r := newTestRegion(t, dir, "calls")
	require.NoError(t, r.Release())
	orphan := lockName("calls", [16]byte{1})
	keep := []string{
		"calls", lockName("calls", r.ID()),
		lockName("calls", [16]byte{2}), // held
		lockName("calls.other", [16]byte{1}), lockName("call", [16]byte{1}),
		"calls.lock", "calls.0101.lock", "calls." + strings.Repeat("x", 32) + ".lock", ".calls.tmp",
	}
	for _, name := range append(keep[2:], orphan) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	held, err := d.open(keep[2], unix.O_RDWR)
	require.NoError(t, err)
	defer unix.Close(held)
	_, err = tryLock(held, unix.F_WRLCK, MaxLocks+17, 1)
	require.NoError(t, err)

	d.sweep("calls")
	assert.ElementsMatch(t, keep, files(t, dir))

	// With a region of unknown identity, nothing can be decided.
	require.NoError(t, os.WriteFile(filepath.Join(dir, orphan), nil, 0o600))
	edit(t, r.Path(), false, func(b []byte) { b[offID] ^= 1 })
	d.sweep("calls")
	assert.ElementsMatch(t, append(keep, orphan), files(t, dir))
}

func TestList(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		entries, err := List(dir)
		require.NoError(t, err)
		assert.Empty(t, entries)

		b := newTestRegion(t, dir, "b")
		a := newTestRegion(t, dir, "a")
		damaged := newTestRegion(t, dir, "damaged")
		edit(t, damaged.Path(), false, func(p []byte) { p[offMeta] ^= 1 })
		newer := newTestRegion(t, dir, "newer")
		edit(t, newer.Path(), true, func(p []byte) { p[offMajor]++ })
		require.NoError(t, os.WriteFile(filepath.Join(dir, "foreign"), []byte("text"), 0o600))
		require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))

		entries, err = List(dir)
		require.NoError(t, err)
		require.Len(t, entries, 4)
		for i, r := range []*Region{a, b} {
			e := entries[i]
			assert.Equal(t, r.Name(), e.Name)
			assert.Equal(t, r.ID(), e.ID)
			assert.EqualValues(t, testSize, e.Size)
			assert.Equal(t, Version{major, minor}, e.Version)
			assert.False(t, e.ModTime.IsZero())
			assert.NoError(t, e.Err)
		}
		assert.Equal(t, "damaged", entries[2].Name)
		assert.ErrorIs(t, entries[2].Err, ErrCorrupt)
		assert.Equal(t, "newer", entries[3].Name)
		assert.ErrorIs(t, entries[3].Err, ErrVersion)
		assert.Equal(t, "2.0", entries[3].Version.String())
	})
}

func init() {
	// lister DIR: gives up being root and lists.
	roles["lister"] = func(c *stage, args []string) {
		must(syscall.Setgroups(nil))
		must(syscall.Setgid(4712))
		must(syscall.Setuid(4712))
		entries, err := List(args[0])
		must(err)
		for _, e := range entries {
			c.say("%s %v", e.Name, errors.Is(e.Err, fs.ErrPermission))
		}
	}
}

func TestListOfWhatIsUnreadable(t *testing.T) {
	needRoot(t, "starts a process of another user")
	dir := shmDir(t)
	newTestRegion(t, dir, "private")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600))
	c := start(t, "lister", dir)
	c.expect("private true")
	c.expect("")
}

func TestIdentify(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir}
	_, err := Identify("calls", o)
	require.ErrorIs(t, err, ErrNotExist)
	_, err = Identify(".calls", o)
	require.ErrorIs(t, err, ErrName)

	old := newTestRegion(t, dir, "calls")
	id, err := Identify("calls", o)
	require.NoError(t, err)
	assert.Equal(t, old.ID(), id)

	require.NoError(t, RemoveForce("calls", o))
	anew := newTestRegion(t, dir, "calls")
	id, err = Identify("calls", o)
	require.NoError(t, err)
	assert.Equal(t, anew.ID(), id)
}

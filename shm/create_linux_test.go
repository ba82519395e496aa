package shm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pattern fills the body of a region; a joiner that misses a byte of it has seen half a region.
func pattern(mem []byte) error {
	for i := HeaderSize; i < len(mem); i++ {
		mem[i] = byte(i>>8 ^ i)
	}
	return nil
}

func checkPattern(mem []byte) error {
	want := bytes.Clone(mem)
	_ = pattern(want)
	if !bytes.Equal(mem, want) {
		return errors.New("half a region")
	}
	return nil
}

func init() {
	// starter DIR SIZE: opens or creates when told, and stays attached until the end of its input.
	roles["starter"] = func(c *stage, args []string) {
		size, err := strconv.ParseInt(args[1], 10, 64)
		must(err)
		c.say("ready")
		c.hear()
		r, created, err := OpenOrCreate("race", &Options{Dir: args[0], Size: size, Init: pattern})
		must(err)
		must(checkPattern(r.Bytes()))
		id := r.ID()
		c.say("%v %s", created, hex.EncodeToString(id[:]))
		c.hear()
	}
	// creator DIR NAMED STEP HOW: creates, and at that step either kills itself or stands still until it hears something.
	roles["creator"] = func(c *stage, args []string) {
		step = func(name string) {
			switch {
			case name != args[2]:
			case args[3] == "kill":
				must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
				select {}
			default:
				c.say("stopped")
				c.hear()
			}
		}
		dir, err := openDirectory(args[0])
		must(err)
		s, err := newSpec("victim", &Options{Dir: args[0], Size: testSize, Init: pattern})
		must(err)
		must(s.checkNew())
		_, err = dir.create(s, args[1] == "true")
		if errors.Is(err, ErrExists) {
			c.say("exists")
			return
		}
		must(err)
		c.say("created")
		c.hear()
	}
}

func TestCreate(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		meta := []byte("geometry")
		r, err := Create("calls", &Options{Dir: dir, Size: testSize - 1, Meta: meta, Init: pattern})
		require.NoError(t, err)
		meta[0] = 'X' // the caller's own again

		assert.Equal(t, "calls", r.Name())
		assert.Equal(t, filepath.Join(dir, "calls"), r.Path())
		assert.Equal(t, "geometry", string(r.Meta()))
		assert.NotZero(t, r.ID())
		assert.False(t, r.ReadOnly())
		assert.Len(t, r.Bytes(), testSize, "rounded up to pages")
		assert.NoError(t, checkPattern(r.Bytes()))
		assert.Equal(t, []string{"calls", lockName("calls", r.ID())}, files(t, dir))

		o := openTestRegion(t, dir, "calls")
		assert.Equal(t, r.ID(), o.ID())
		assert.Equal(t, "geometry", string(o.Meta()))
		r.Bytes()[HeaderSize] = 42
		assert.EqualValues(t, 42, o.Bytes()[HeaderSize], "the same memory")

		_, err = Create("calls", &Options{Dir: dir, Size: testSize})
		require.ErrorIs(t, err, ErrExists)
		require.NoError(t, r.Release())
		assert.Len(t, files(t, dir), 2, "a region outlives its users")
	})
}

func TestCreateUnderATemporaryName(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		d, err := openDirectory(dir)
		require.NoError(t, err)
		defer d.close()
		s, err := newSpec("calls", &Options{Dir: dir, Size: testSize, Init: pattern})
		require.NoError(t, err)
		require.NoError(t, s.checkNew())

		r, err := d.create(s, true)
		require.NoError(t, err)
		releaseAfter(t, r)
		assert.Equal(t, []string{"calls", lockName("calls", r.ID())}, files(t, dir))
		o := openTestRegion(t, dir, "calls")
		assert.NoError(t, checkPattern(o.Bytes()))

		body, err := newDraft(d, ".calls.tmp", 0o600, 0)
		require.NoError(t, err)
		require.ErrorIs(t, body.publish("calls"), ErrExists)
		body.discard()
		assert.Len(t, files(t, dir), 2)
	})
}

func TestOpenOrCreateInOneProcess(t *testing.T) {
	dir := t.TempDir()
	a, created, err := OpenOrCreate("calls", &Options{Dir: dir, Size: testSize})
	require.NoError(t, err)
	releaseAfter(t, a)
	assert.True(t, created)
	b, created, err := OpenOrCreate("calls", &Options{Dir: dir, Size: 2 * testSize, Meta: []byte("other")})
	require.NoError(t, err)
	releaseAfter(t, b)
	assert.False(t, created, "what is there is adopted")
	assert.Equal(t, a.ID(), b.ID())
	assert.Len(t, b.Bytes(), testSize)
	assert.Empty(t, b.Meta())
}

func TestInitThatFails(t *testing.T) {
	mine := errors.New("no such layout")
	tests := []struct {
		name string
		init func([]byte) error
		want error
	}{
		{"error", func([]byte) error { return mine }, mine},
		{"writes over the header", func(mem []byte) error { mem[100] = 1; return nil }, ErrOptions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Create("calls", &Options{Dir: dir, Size: testSize, Init: tt.init})
			require.ErrorIs(t, err, tt.want)
			assert.Empty(t, files(t, dir))
		})
	}
	t.Run("panic", func(t *testing.T) {
		dir := t.TempDir()
		require.PanicsWithValue(t, "bug", func() {
			_, _ = Create("calls", &Options{Dir: dir, Size: testSize, Init: func([]byte) error { panic("bug") }})
		})
		assert.Empty(t, files(t, dir))
	})
}

func TestModeDespiteUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	tests := []struct{ ask, region, lock os.FileMode }{
		{0, 0o600, 0o600},
		{0o660, 0o660, 0o660},
		{0o640, 0o640, 0o600}, // a viewer could hold read locks
		{0o664, 0o664, 0o660},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%#o", tt.ask), func(t *testing.T) {
			dir := t.TempDir()
			r, err := Create("calls", &Options{Dir: dir, Size: testSize, Mode: tt.ask})
			require.NoError(t, err)
			releaseAfter(t, r)
			st, err := os.Stat(r.Path())
			require.NoError(t, err)
			assert.Equal(t, tt.region, st.Mode())
			st, err = os.Stat(filepath.Join(dir, lockName("calls", r.ID())))
			require.NoError(t, err)
			assert.Equal(t, tt.lock, st.Mode())
		})
	}
}

func TestGroupOfNewRegion(t *testing.T) {
	needRoot(t, "gives a file to another group")
	dir := t.TempDir()
	r, err := Create("calls", &Options{Dir: dir, Size: testSize, Group: 4711})
	require.NoError(t, err)
	releaseAfter(t, r)
	for _, name := range files(t, dir) {
		st, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.EqualValues(t, 4711, st.Sys().(*syscall.Stat_t).Gid, name)
		assert.Equal(t, os.FileMode(0o660), st.Mode(), name)
	}
}

func TestNoSuchDirectory(t *testing.T) {
	o := &Options{Dir: filepath.Join(t.TempDir(), "missing"), Size: testSize}
	_, _, err := OpenOrCreate("calls", o)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, o.Dir)
	assert.ErrorContains(t, err, EnvDir)
	_, err = Open("calls", o)
	require.ErrorIs(t, err, ErrNotExist)
	_, err = List(o.Dir)
	require.ErrorIs(t, err, ErrNotExist)
}

// mountedDir mounts a file system for the test.
func mountedDir(t *testing.T, kind, options string) string {
	t.Helper()
	needRoot(t, "mounts a small file system")
	dir := t.TempDir()
	if err := unix.Mount("shm-test", dir, kind, 0, options); err != nil {
		t.Skipf("cannot mount %s here, which needs root outside of most containers: %v", kind, err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestFullFileSystem(t *testing.T) {
	dir := mountedDir(t, "tmpfs", "size=1m")

	t.Run("larger than the file system", func(t *testing.T) {
		_, _, err := OpenOrCreate("calls", &Options{Dir: dir, Size: 2 << 20})
		require.ErrorIs(t, err, ErrNoSpace)
		assert.ErrorContains(t, err, "2097152 bytes wanted, 1048576 of 1048576 free in "+dir)
		var full *SpaceError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, SpaceError{Dir: dir, Want: 2 << 20, Free: 1 << 20, Total: 1 << 20}, *full)
		assert.Empty(t, files(t, dir))
	})
	t.Run("filled by others", func(t *testing.T) {
		ballast := filepath.Join(dir, "ballast")
		require.NoError(t, os.WriteFile(ballast, make([]byte, 700<<10), 0o600))
		_, _, err := OpenOrCreate("calls", &Options{Dir: dir, Size: 600 << 10})
		require.ErrorIs(t, err, ErrNoSpace)
		assert.Equal(t, []string{"ballast"}, files(t, dir))

		require.NoError(t, os.Remove(ballast))
		r, created, err := OpenOrCreate("calls", &Options{Dir: dir, Size: 600 << 10, Init: pattern})
		require.NoError(t, err)
		assert.True(t, created)
		require.NoError(t, r.Release())
		require.NoError(t, Remove("calls", &Options{Dir: dir}))
	})
	t.Run("room for one of many starters", func(t *testing.T) { raceStarters(t, dir, 600<<10) })
}

func TestFileSystemWithoutReservation(t *testing.T) {
	dir := mountedDir(t, "ramfs", "")
	_, _, err := OpenOrCreate("calls", &Options{Dir: dir, Size: testSize})
	require.ErrorIs(t, err, ErrNoFallocate)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.Empty(t, files(t, dir))
}

// Invariants of a race of starters: exactly one creates; all get the region that it created, complete; no file but
// the region and its lock file is left; each is counted as attached; afterwards it can be removed whole.
func TestRaceOfStarters(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		rounds := 5
		if testing.Short() {
			rounds = 1
		}
		for range rounds {
			raceStarters(t, dir, 256<<10)
		}
	})
}

func raceStarters(t *testing.T, dir string, size int) {
	const starters = 16
	var all []*child
	for range starters {
		all = append(all, start(t, "starter", dir, strconv.Itoa(size)))
	}
	for _, c := range all {
		c.expect("ready")
	}
	for _, c := range all {
		c.say("go")
	}
	created, ids := 0, map[string]int{}
	for _, c := range all {
		how, id, _ := strings.Cut(c.hear(), " ")
		if how == "true" {
			created++
		}
		ids[id]++
	}
	assert.Equal(t, 1, created)
	require.Len(t, ids, 1)
	for id, n := range ids {
		assert.Equal(t, starters, n)
		assert.Equal(t, []string{"race", "race." + id + lockSuffix}, files(t, dir))
	}
	var used *InUseError
	require.ErrorAs(t, Remove("race", &Options{Dir: dir}), &used)
	assert.Equal(t, starters, used.Attachments)
	for _, c := range all {
		c.finish()
	}
	require.NoError(t, Remove("race", &Options{Dir: dir}))
	assert.Empty(t, files(t, dir))
}

var createSteps = []string{"reserve", "init", "name lock file", "name region", "named"}

// eachStep runs a test for each step of a creation, with both kinds of draft.
func eachStep(t *testing.T, test func(t *testing.T, dir, named, step string)) {
	for _, named := range []string{"false", "true"} {
		for _, step := range createSteps {
			t.Run("named="+named+"/"+step, func(t *testing.T) { test(t, t.TempDir(), named, step) })
		}
	}
}

// A creator killed at any step leaves nothing that the next starter would not clean up or use.
func TestKilledCreator(t *testing.T) {
	eachStep(t, func(t *testing.T, dir, named, step string) {
		c := start(t, "creator", dir, named, step, "kill")
		c.expect("")
		c.wait()
		if step == "name region" {
			assert.Condition(t, func() bool {
				for _, f := range files(t, dir) {
					if _, draft, ok := leftover("victim", f); ok && !draft {
						return true
					}
				}
				return false
			}, "killed between the two names, it should have left its lock file: %v", files(t, dir))
		}

		r, created, err := OpenOrCreate("victim", &Options{Dir: dir, Size: testSize, Init: pattern})
		require.NoError(t, err)
		assert.Equal(t, step != "named", created)
		assert.NoError(t, checkPattern(r.Bytes()))
		if created {
			assert.Equal(t, []string{"victim", lockName("victim", r.ID())}, files(t, dir), "the orphan is gone")
		}
		require.NoError(t, r.Release())
		require.NoError(t, Remove("victim", &Options{Dir: dir}))
		assert.Empty(t, files(t, dir))
	})
}

// A creator that stands still at any step holds up no other, is not robbed of its files while it might need them, and
// finds out what happened when it goes on.
func TestFrozenCreator(t *testing.T) {
	eachStep(t, func(t *testing.T, dir, named, step string) {
		c := start(t, "creator", dir, named, step, "freeze")
		c.expect("stopped")
		before := files(t, dir)

		r, created, err := OpenOrCreate("victim", &Options{Dir: dir, Size: testSize, Init: pattern})
		require.NoError(t, err)
		releaseAfter(t, r)
		assert.Equal(t, step != "named", created)
		assert.Subset(t, files(t, dir), before, "its maker lives")

		c.say("go on")
		if step == "named" {
			c.expect("created")
		} else {
			c.expect("exists")
		}
		c.finish()
		assert.Equal(t, []string{"victim", lockName("victim", r.ID())}, files(t, dir))
	})
}

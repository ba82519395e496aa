package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() {
	// stranger DIR NAME GROUP: gives up being root, then tries to attach and to view.
	roles["stranger"] = func(c *stage, args []string) {
		group := 0
		if args[2] == "member" {
			group = 4711
		}
		must(syscall.Setgroups([]int{group}))
		must(syscall.Setgid(4712))
		must(syscall.Setuid(4712))
		r, err := Open(args[1], &Options{Dir: args[0], Group: group})
		switch {
		case errors.Is(err, ErrOwner):
			c.say("open: owner")
		case err != nil:
			c.say("open: %v", err)
		default:
			_, err := r.TryLock(1)
			must(err)
			c.say("open: ok")
		}
		v, err := View(args[1], &Options{Dir: args[0]})
		switch {
		case errors.Is(err, fs.ErrPermission):
			c.say("view: permission")
			return
		case err != nil:
			c.say("view: %v", err)
			return
		}
		must(checkPattern(v.Bytes()))
		c.say("view: ok")
		held, err := v.Locked(0)
		switch {
		case errors.Is(err, ErrNoLockAccess) && errors.Is(err, fs.ErrPermission):
			c.say("locked: no access")
		case err != nil:
			c.say("locked: %v", err)
		default:
			c.say("locked: %v", held)
		}
	}
}

// edit changes the file of a region, and can set its checksum right again.
func edit(t *testing.T, path string, sum bool, change func(page []byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	change(b)
	if sum {
		binary.LittleEndian.PutUint32(b[offChecksum:], checksum(b))
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Whatever stands under the name instead of a good region gives an error of its own and is left as it is.
func TestWhatIsNoGoodRegion(t *testing.T) {
	put := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	}
	// made makes a region and then spoils it.
	made := func(spoil func(t *testing.T, path string)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			r, err := Create(filepath.Base(path), &Options{Dir: filepath.Dir(path), Size: testSize})
			require.NoError(t, err)
			require.NoError(t, r.Release())
			spoil(t, path)
		}
	}
	tests := []struct {
		name string
		put  func(t *testing.T, path string)
		want error
	}{
		{"empty file", put(""), ErrForeign},
		{"short file", put("hello"), ErrForeign},
		{"long foreign file", put(string(make([]byte, 2*HeaderSize))), ErrForeign},
		{"ends within the header", put(magic + "x"), ErrCorrupt},
		{"directory", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, ErrNotRegular},
		{"pipe", func(t *testing.T, path string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) }, ErrNotRegular},
		{"socket", func(t *testing.T, path string) {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
			require.NoError(t, unix.Close(fd))
		}, ErrNotRegular},
		{"symbolic link to a region", func(t *testing.T, path string) {
			r := newTestRegion(t, t.TempDir(), "elsewhere")
			require.NoError(t, os.Symlink(r.Path(), path))
		}, ErrNotRegular},
		{"symbolic link to nothing", func(t *testing.T, path string) {
			require.NoError(t, os.Symlink("/nonexistent", path))
		}, ErrNotRegular},
		{"newer major version", made(func(t *testing.T, path string) {
			edit(t, path, true, func(b []byte) { b[offMajor]++ })
		}), ErrVersion},
		{"newer minor version that we cannot use", made(func(t *testing.T, path string) {
			edit(t, path, true, func(b []byte) { b[offMinor], b[offCompat] = minor+2, minor+1 })
		}), ErrVersion},
		{"flipped byte of the size", made(func(t *testing.T, path string) {
			edit(t, path, false, func(b []byte) { b[offSize+2] ^= 1 })
		}), ErrCorrupt},
		{"flipped byte behind the description", made(func(t *testing.T, path string) {
			edit(t, path, false, func(b []byte) { b[HeaderSize-1] ^= 1 })
		}), ErrCorrupt},
		{"too large a description", made(func(t *testing.T, path string) {
			edit(t, path, true, func(b []byte) { binary.LittleEndian.PutUint32(b[offMetaLen:], MaxMeta+1) })
		}), ErrCorrupt},
		{"truncated", made(func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, HeaderSize)) }), ErrCorrupt},
		{"grown", made(func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 2*testSize)) }), ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "calls")
			tt.put(t, path)
			o := &Options{Dir: dir, Size: testSize}
			before, names := snapshot(t, path), files(t, dir)

			_, err := Open("calls", o)
			require.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, path)
			_, _, err = OpenOrCreate("calls", o)
			require.ErrorIs(t, err, tt.want)
			_, err = View("calls", o)
			require.ErrorIs(t, err, tt.want)
			require.ErrorIs(t, Remove("calls", o), tt.want)
			_, err = Create("calls", o)
			require.ErrorIs(t, err, ErrExists)

			assert.Equal(t, before, snapshot(t, path), "nothing was changed")
			assert.Equal(t, names, files(t, dir))

			// Force removes a region, however damaged, and nothing else.
			err = RemoveForce("calls", o)
			if errors.Is(tt.want, ErrForeign) || errors.Is(tt.want, ErrNotRegular) {
				require.ErrorIs(t, err, tt.want)
				assert.Equal(t, names, files(t, dir))
			} else {
				require.NoError(t, err)
				assert.Empty(t, files(t, dir))
			}
		})
	}
}

// snapshot returns what identifies and makes up a file.
func snapshot(t *testing.T, path string) []any {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Lstat(path, &st))
	var content []byte
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		var err error
		content, err = os.ReadFile(path)
		require.NoError(t, err)
	}
	return []any{st.Ino, st.Mode, st.Size, st.Nlink, content}
}

func TestNewerMinorVersionThatWeCanUse(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	edit(t, r.Path(), true, func(b []byte) { b[offMinor] = minor + 1 })
	o := openTestRegion(t, dir, "calls")
	assert.Equal(t, r.ID(), o.ID())
}

func TestHardLinkedRegion(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	require.NoError(t, os.Link(r.Path(), filepath.Join(dir, "alias")))
	_, err := Open("calls", &Options{Dir: dir})
	require.ErrorIs(t, err, ErrLinked)
	require.NoError(t, os.Remove(filepath.Join(dir, "alias")))
	openTestRegion(t, dir, "calls")
}

func TestTrusted(t *testing.T) {
	me := uint32(os.Geteuid())
	tests := []struct {
		name     string
		uid, gid uint32
		mode     uint32
		group    int
		want     bool
	}{
		{"ours", me, 1, 0o600, 0, true},
		{"root's", 0, 1, 0o600, 0, true},
		{"another's", me + 1, 1, 0o666, 0, false},
		{"another's, of our group", me + 1, 7, 0o660, 7, true},
		{"another's, of our group that may only read", me + 1, 7, 0o640, 7, false},
		{"another's, of another group", me + 1, 8, 0o660, 7, false},
		{"another's, of a group that nobody named", me + 1, uint32(os.Getegid()), 0o660, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &candidate{st: unix.Stat_t{Uid: tt.uid, Gid: tt.gid, Mode: unix.S_IFREG | tt.mode}}
			assert.Equal(t, tt.want, c.trusted(&spec{group: tt.group}))
		})
	}
}

func TestWrongOwner(t *testing.T) {
	needRoot(t, "gives a file to another user")
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	require.NoError(t, os.Chown(r.Path(), 4712, 4711))
	_, err := Open("calls", &Options{Dir: dir})
	require.ErrorIs(t, err, ErrOwner)
	assert.ErrorContains(t, err, "user 4712")
	assert.ErrorContains(t, err, "user 0")
	_, err = Open("calls", &Options{Dir: dir, Group: 4711})
	require.ErrorIs(t, err, ErrOwner, "its mode is 0600")
}

func TestStranger(t *testing.T) {
	needRoot(t, "starts a process of another user")
	tests := []struct {
		name   string
		o      Options
		group  string
		expect []string
	}{
		{"private", Options{}, "none", []string{"open: owner", "view: permission"}},
		{"readable by all", Options{Mode: 0o644}, "none", []string{"open: owner", "view: ok", "locked: no access"}},
		{"of a group", Options{Group: 4711}, "member", []string{"open: ok", "view: ok", "locked: true"}},
		{"of a group, not a member", Options{Group: 4711}, "none", []string{"open: owner", "view: permission"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.o
			o.Dir, o.Size, o.Init = shmDir(t), testSize, pattern
			r, err := Create("calls", &o)
			require.NoError(t, err)
			releaseAfter(t, r)
			ok, err := r.TryLock(0)
			require.NoError(t, err)
			require.True(t, ok)
			c := start(t, "stranger", o.Dir, "calls", tt.group)
			for _, line := range tt.expect {
				// root owns the region, so that whoever may open it trusts it
				c.expect(line)
			}
			c.finish()
		})
	}
}

func TestMissingLockFile(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	require.NoError(t, os.Remove(filepath.Join(dir, lockName("calls", r.ID()))))
	_, err := Open("calls", &Options{Dir: dir})
	require.ErrorIs(t, err, ErrLockFile)
	require.ErrorIs(t, Remove("calls", &Options{Dir: dir}), ErrLockFile)

	v, err := View("calls", &Options{Dir: dir})
	require.NoError(t, err, "one can still look on")
	defer v.Release()
	_, err = v.Locked(0)
	require.ErrorIs(t, err, ErrLockFile)

	require.NoError(t, RemoveForce("calls", &Options{Dir: dir}))
	assert.Empty(t, files(t, dir))
}

func TestPlantedLockFile(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	path := filepath.Join(dir, lockName("calls", r.ID()))
	require.NoError(t, os.Remove(path))
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := Open("calls", &Options{Dir: dir})
	require.ErrorIs(t, err, ErrLockFile)
}

func TestView(t *testing.T) {
	eachDir(t, func(t *testing.T, dir string) {
		r := newTestRegion(t, dir, "calls")
		require.NoError(t, pattern(r.Bytes()))
		v, err := View("calls", &Options{Dir: dir})
		require.NoError(t, err)
		releaseAfter(t, v)
		assert.True(t, v.ReadOnly())
		assert.Equal(t, r.ID(), v.ID())
		assert.NoError(t, checkPattern(v.Bytes()))

		ok, err := r.TryLock(7)
		require.NoError(t, err)
		require.True(t, ok)
		held, err := v.Locked(7)
		require.NoError(t, err)
		assert.True(t, held)
		held, err = v.Locked(8)
		require.NoError(t, err)
		assert.False(t, held)
		_, err = v.TryLock(8)
		require.ErrorIs(t, err, ErrNoLockAccess)

		write := func() (err error) {
			defer v.Caught(v.Protect(), &err)
			v.Bytes()[HeaderSize] = 1
			return nil
		}
		require.ErrorIs(t, write(), ErrFault)

		require.NoError(t, r.Release())
		require.NoError(t, Remove("calls", &Options{Dir: dir}), "a viewer does not count")
		assert.NoError(t, checkPattern(v.Bytes()), "but keeps what it maps")
	})
}

func TestTouchByHand(t *testing.T) {
	r := newTestRegion(t, t.TempDir(), "calls")
	require.NoError(t, pattern(r.Bytes()))
	require.NoError(t, r.touch())
	assert.NoError(t, checkPattern(r.Bytes()), "touching changes nothing")
	v, err := View("calls", &Options{Dir: filepath.Dir(r.Path())})
	require.NoError(t, err)
	defer v.Release()
	require.NoError(t, v.touch())

	require.NoError(t, os.Truncate(r.Path(), HeaderSize))
	require.ErrorIs(t, r.touch(), ErrFault)
	require.ErrorIs(t, v.touch(), ErrFault)
	require.ErrorIs(t, r.populate(), ErrFault)
}

// Invariants of joiners that race with somebody who removes the region, in each round: every joiner gets a whole region; all
// get the same one; it and its lock file are still there, since nobody removes what somebody is attached to; the
// remover succeeds, or is told that the region is in use.
func TestJoinWhileRemoved(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir, Size: testSize, Init: pattern}
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		var all sync.WaitGroup
		begin := make(chan struct{})
		joined := make([]*Region, 3)
		for i := range joined {
			all.Go(func() {
				<-begin
				var err error
				joined[i], _, err = OpenOrCreate("calls", o)
				assert.NoError(t, err)
			})
		}
		all.Go(func() {
			<-begin
			if err := Remove("calls", o); !errors.Is(err, ErrInUse) && !errors.Is(err, ErrNotExist) {
				assert.NoError(t, err)
			}
		})
		close(begin)
		all.Wait()
		for _, r := range joined {
			require.NotNil(t, r)
			assert.Equal(t, joined[0].ID(), r.ID())
			assert.NoError(t, checkPattern(r.Bytes()))
			assert.Equal(t, []string{"calls", lockName("calls", r.ID())}, files(t, dir))
			require.NoError(t, r.Release())
		}
	}
	require.NoError(t, Remove("calls", o))
	assert.Empty(t, files(t, dir))
}

// One who joins finds that the region was removed, and perhaps made anew, between looking at it and attaching to it.
func TestRegionReplacedWhileJoining(t *testing.T) {
	for _, at := range []string{"open lock file", "attach"} {
		for _, anew := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/anew=%v", at, anew), func(t *testing.T) {
				dir := t.TempDir()
				old := newTestRegion(t, dir, "calls")
				require.NoError(t, old.Release())

				var replaced *Region
				once := false
				step = func(name string) {
					if name != at || once {
						return
					}
					once = true
					require.NoError(t, Remove("calls", &Options{Dir: dir}))
					if anew {
						replaced = newTestRegion(t, dir, "calls")
					}
				}
				defer func() { step = func(string) {} }()

				r, err := Open("calls", &Options{Dir: dir})
				require.True(t, once)
				if !anew {
					require.ErrorIs(t, err, ErrNotExist)
					return
				}
				require.NoError(t, err)
				releaseAfter(t, r)
				assert.Equal(t, replaced.ID(), r.ID())
			})
		}
	}
}

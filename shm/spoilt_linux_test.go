package shm

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// spoilers are what somebody who may write to a region can do to its file. want is what Check says of it, whoever is
// attached, and opening says what joining meets.
var spoilers = []struct {
	name          string
	spoil         func(t *testing.T, r *Region)
	check, opened error
}{
	{"magic overwritten", func(t *testing.T, r *Region) { r.Bytes()[0] = 'x' }, ErrCorrupt, ErrCorrupt},
	{"header overwritten", func(t *testing.T, r *Region) { clear(r.Bytes()[:HeaderSize]) }, ErrCorrupt, ErrCorrupt},
	{"flipped bit", func(t *testing.T, r *Region) { r.Bytes()[offMeta] ^= 1 }, ErrCorrupt, ErrCorrupt},
	{"header of another region", func(t *testing.T, r *Region) {
		other := newTestRegion(t, t.TempDir(), "other")
		copy(r.Bytes()[:HeaderSize], other.Bytes())
	}, ErrCorrupt, ErrLockFile},
	{"truncated to nothing", func(t *testing.T, r *Region) { require.NoError(t, os.Truncate(r.Path(), 0)) }, ErrCorrupt, ErrCorrupt},
	{"truncated behind its header", func(t *testing.T, r *Region) {
		require.NoError(t, os.Truncate(r.Path(), HeaderSize))
	}, ErrCorrupt, ErrCorrupt},
	{"grown", func(t *testing.T, r *Region) { require.NoError(t, os.Truncate(r.Path(), 2*testSize)) }, ErrCorrupt, ErrCorrupt},
	{"header punched out", func(t *testing.T, r *Region) {
		f, err := os.OpenFile(r.Path(), os.O_RDWR, 0)
		require.NoError(t, err)
		defer f.Close()
		require.NoError(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, HeaderSize))
	}, ErrCorrupt, ErrCorrupt},
}

// Whatever a peer does to the file, who is attached can tell, and whoever likes can put a new region in its place: by the
// attachment, or by name.
func TestSpoiltRegionIsReplaced(t *testing.T) {
	for _, s := range spoilers {
		t.Run(s.name, func(t *testing.T) {
			eachDir(t, func(t *testing.T, dir string) {
				o := &Options{Dir: dir, Size: testSize}
				for _, by := range []string{"attachment", "name", "damaged"} {
					r := newTestRegion(t, dir, "calls")
					require.NoError(t, r.Check())
					s.spoil(t, r)
					require.ErrorIs(t, r.Check(), s.check)
					assert.ErrorContains(t, r.Check(), "create it anew")
					_, err := Open("calls", o)
					require.ErrorIs(t, err, s.opened)
					assert.ErrorContains(t, err, "by force")
					entries, err := List(dir)
					require.NoError(t, err)
					require.Len(t, entries, 1)

					switch {
					case by == "attachment":
						require.NoError(t, r.RemoveForce())
					case by == "name" || s.opened != ErrCorrupt:
						require.NoError(t, RemoveForce("calls", o))
					default:
						require.NoError(t, RemoveDamaged("calls", o))
					}
					require.ErrorIs(t, r.Check(), ErrRemoved)
					anew, created, err := OpenOrCreate("calls", o)
					require.NoError(t, err)
					require.True(t, created)
					// Who comes late with the same intention does no harm.
					require.NoError(t, r.RemoveForce())
					require.NoError(t, RemoveDamaged("calls", o))
					require.NoError(t, anew.Check())
					require.ErrorIs(t, r.Check(), ErrRemoved)
					require.NoError(t, r.Release())
					require.NoError(t, anew.Release())
					require.NoError(t, Remove("calls", o))
					assert.Empty(t, files(t, dir), by)
				}
			})
		})
	}
}

// A peer that may write to the directory puts something else under the name.
func TestRegionWhoseNameWasTaken(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir, Size: testSize}
	path := filepath.Join(dir, "calls")
	takers := map[string]func() error{
		"garbage":   func() error { return os.WriteFile(path, []byte("garbage"), 0o600) },
		"pipe":      func() error { return unix.Mkfifo(path, 0o600) },
		"link":      func() error { return os.Symlink("/dev/zero", path) },
		"directory": func() error { return os.Mkdir(path, 0o700) },
		"nothing":   func() error { return nil },
	}
	for what, take := range takers {
		t.Run(what, func(t *testing.T) {
			r := newTestRegion(t, dir, "calls")
			require.NoError(t, os.Remove(path))
			require.NoError(t, take())
			require.ErrorIs(t, r.Check(), ErrRemoved)
			require.NoError(t, r.RemoveForce(), "what has the name now is not ours to remove")
			want := ErrNotRegular
			switch what {
			case "garbage":
				// The lock file tells what it was.
				require.NoError(t, RemoveDamaged("calls", o))
				want = ErrNotExist
			case "nothing":
				want = ErrNotExist
			}
			_, err := Open("calls", o)
			require.ErrorIs(t, err, want)
			if want == ErrNotRegular {
				assert.ErrorContains(t, err, "by hand")
				require.ErrorIs(t, RemoveDamaged("calls", o), want)
				require.NoError(t, os.Remove(path))
			}
			require.NoError(t, r.Release())
			anew := newTestRegion(t, dir, "calls")
			assert.Equal(t, []string{"calls", lockName("calls", anew.ID())}, files(t, dir), "the orphan is gone")
			require.NoError(t, anew.Release())
			require.NoError(t, Remove("calls", o))
		})
	}
}

// A lock file that belongs to somebody else, or is none, says nothing about a file.
func TestForeignFileBesideALockFile(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir, Size: testSize}
	path, lock := filepath.Join(dir, "calls"), filepath.Join(dir, lockName("calls", [16]byte{1}))
	require.NoError(t, os.WriteFile(path, []byte("a letter"), 0o600))
	for _, put := range []func() error{
		func() error { return nil },
		func() error { return os.WriteFile(lock, []byte("text"), 0o600) },
		func() error { return os.Mkdir(lock, 0o700) },
		func() error { return os.WriteFile(filepath.Join(dir, "calls.lock"), nil, 0o600) },
	} {
		require.NoError(t, put())
		require.ErrorIs(t, RemoveForce("calls", o), ErrForeign)
		require.ErrorIs(t, RemoveDamaged("calls", o), ErrForeign)
		_ = os.Remove(lock)
	}
	assert.FileExists(t, path)
}

// Invariants of attached processes that all find their region spoilt at the same time, and all replace it: each ends in a
// whole region; all end in the same one; no other is left.
func TestRaceOfReplacers(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		o := &Options{Dir: dir, Size: testSize, Init: pattern}
		const replacers = 6
		old := make([]*Region, replacers)
		for i := range old {
			var err error
			old[i], _, err = OpenOrCreate("calls", o)
			require.NoError(t, err)
		}
		clear(old[0].Bytes())
		var all sync.WaitGroup
		begin := make(chan struct{})
		anew := make([]*Region, replacers)
		for i, r := range old {
			all.Go(func() {
				<-begin
				if i%3 == 0 { // one that has just come and was never attached
					assert.NoError(t, RemoveDamaged("calls", o))
				} else {
					assert.NoError(t, r.RemoveForce())
				}
				assert.NoError(t, r.Release())
				var err error
				anew[i], _, err = OpenOrCreate("calls", o)
				assert.NoError(t, err)
			})
		}
		close(begin)
		all.Wait()
		for _, r := range anew {
			require.NotNil(t, r)
			assert.Equal(t, hex.EncodeToString(anew[0].id[:]), hex.EncodeToString(r.id[:]))
			require.NoError(t, r.Check())
			require.NoError(t, r.Release())
		}
		require.NoError(t, Remove("calls", o))
		assert.Empty(t, files(t, dir))
	}
}

// A region that is spoilt and then removed, with its lock file, is gone: to who has looked at its name before, too.
func TestSpoiltRegionThatIsRemovedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	clear(r.Bytes())
	d, err := openDirectory(dir)
	require.NoError(t, err)
	defer d.close()
	c, err := d.openCandidate("calls", unix.O_RDWR)
	require.NoError(t, err)
	defer c.close()
	_, err = d.header("calls", c)
	require.ErrorIs(t, err, ErrCorrupt)
	require.NoError(t, r.RemoveForce())
	_, err = d.header("calls", c)
	require.ErrorIs(t, err, errMoved)
	newTestRegion(t, dir, "calls")
	_, err = d.header("calls", c)
	require.ErrorIs(t, err, errMoved)
}

// A reader of the file can hold a lock on it, and keeps nobody from removing it.
func TestForcedRemovalOfAFileThatIsLocked(t *testing.T) {
	dir := t.TempDir()
	r := newTestRegion(t, dir, "calls")
	f, err := os.Open(r.Path())
	require.NoError(t, err)
	defer f.Close()
	ok, err := tryLock(int(f.Fd()), unix.F_RDLCK, 0, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, r.RemoveForce())
	assert.Empty(t, files(t, dir))
}

// Somebody replaces the region again and again, each time between our look at it and our joining it: an end comes all the
// same, with an error that has a kind.
func TestRegionThatIsReplacedForEver(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Dir: dir, Size: testSize}
	path := newTestRegion(t, dir, "calls").Path()
	page, err := os.ReadFile(path) // with the name of another lock file
	require.NoError(t, err)
	page[offID]++
	binary.LittleEndian.PutUint32(page[offChecksum:], checksum(page))
	moves := 0
	defer func() { step = func(string) {} }()
	step = func(name string) {
		if name != "open lock file" {
			return
		}
		moves++
		require.NoError(t, os.Rename(path, path+".old"))
		require.NoError(t, os.WriteFile(path, page, 0o600))
	}
	require.NoError(t, os.WriteFile(path, page, 0o600))
	_, err = Open("calls", o)
	require.ErrorIs(t, err, ErrBusy)
	assert.Equal(t, mostMoves, moves)
}

package bus_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
)

// scribbler writes into a region behind the bus's back.
type scribbler struct {
	path string
	mem  []byte
}

func scribble(t testing.TB, path string) *scribbler {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	st, err := f.Stat()
	require.NoError(t, err)
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(mem)) })
	return &scribbler{path, mem}
}

// Each kind of word that Check looks at, and what it says of it.
func TestCheck(t *testing.T) {
	at := bus.PlacesOf(small())
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *scribbler)
		want  error
	}{
		"header":       {func(_ *testing.T, s *scribbler) { clear(s.mem[:at.Header]) }, bus.ErrCorrupt},
		"size":         {func(t *testing.T, s *scribbler) { require.NoError(t, os.Truncate(s.path, int64(len(s.mem))+1)) }, bus.ErrCorrupt},
		"participants": {func(_ *testing.T, s *scribbler) { s.mem[at.Participants] = 7 }, bus.ErrCorrupt},
		"subscribers":  {func(_ *testing.T, s *scribbler) { s.mem[at.Subscribers] = 77 }, bus.ErrCorrupt},
		"owner":        {func(_ *testing.T, s *scribbler) { s.mem[at.Subscribers+2] = 77 }, bus.ErrCorrupt},
		"kind":         {func(_ *testing.T, s *scribbler) { s.mem[at.Subscribers+20] = 77 }, bus.ErrCorrupt},
		"lanes":        {func(_ *testing.T, s *scribbler) { s.mem[at.Subscribers+8] = 0xff }, bus.ErrCorrupt},
		"type order":   {func(_ *testing.T, s *scribbler) { s.mem[at.TypeOrder] = 99 }, bus.ErrCorrupt},
		"type gap":     {func(_ *testing.T, s *scribbler) { copy(s.mem[at.TypeOrder:], "\x00\x00\x00\x00\x00\x00\x00\x00\x01") }, bus.ErrCorrupt},
		"type record":  {func(_ *testing.T, s *scribbler) { clear(s.mem[at.TypeRecords+12 : at.TypeRecords+2048]) }, bus.ErrCorrupt},
		"truncation":   {func(t *testing.T, s *scribbler) { require.NoError(t, os.Truncate(s.path, 4096)) }, bus.ErrCorrupt},
		"removal":      {func(t *testing.T, s *scribbler) { require.NoError(t, os.Remove(s.path)) }, bus.ErrRemoved},
		"replacement": {func(t *testing.T, s *scribbler) {
			require.NoError(t, os.WriteFile(s.path+".new", []byte("new"), 0o600))
			require.NoError(t, os.Rename(s.path+".new", s.path))
		}, bus.ErrRemoved},
	} {
		t.Run(name, func(t *testing.T) {
			o := &bus.Options{Dir: t.TempDir(), Geometry: small()}
			b, err := bus.Open("test", o)
			require.NoError(t, err)
			newPub[tick](t, b, nil)
			v, err := bus.Inspect("test", o)
			require.NoError(t, err)
			defer v.Close()
			require.NoError(t, b.Check())
			s := scribble(t, filepath.Join(o.Dir, "test"))
			c.spoil(t, s)
			require.ErrorIs(t, b.Check(), c.want)
			state := bus.StateCorrupt
			if c.want == bus.ErrRemoved {
				state = bus.StateRemoved
			}
			for _, look := range []func() (bus.Snapshot, error){v.Snapshot, b.Snapshot} {
				snap, err := look()
				if name == "truncation" {
					require.ErrorIs(t, err, bus.ErrFault)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, state, snap.State)
			}
			require.NoError(t, b.RemoveForce())
			_ = b.Close() // may say that something could not be given back
			require.ErrorIs(t, b.Check(), bus.ErrClosed)
			require.ErrorIs(t, b.RemoveForce(), bus.ErrClosed)
			require.NoError(t, bus.RemoveDamaged("test", o))
			fresh := open(t, o.Dir, *o)
			require.NoError(t, fresh.Check())
			snap, err := fresh.Snapshot()
			require.NoError(t, err)
			assert.Equal(t, bus.StateOpen, snap.State)
		})
	}
}

// Nothing that a whole region goes through is taken for damage.
func TestCheckOfWhatIsWhole(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		for i := range 50 {
			s := newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
			d := newSub[tick](t, b, billing)
			g := newSub[tick](t, b, &bus.SubscribeOptions{Group: "work", Window: 1})
			publishTicks(t, pub, i, i+1)
			require.NoError(t, b.Check())
			require.NoError(t, s.Close())
			require.NoError(t, d.Close())
			require.NoError(t, g.Close())
			require.NoError(t, b.Check())
			require.NoError(t, b.RemoveGroup("work"))
			require.NoError(t, b.RemoveDurable("billing"))
		}
		b.LeaveBehind(3)
		require.NoError(t, b.Check())
		require.NoError(t, b.RecoverDead())
		require.NoError(t, b.Check())
	})
}

// The static rings of a region go with it.
func TestForcedRemovalByWhoIsAttached(t *testing.T) {
	o := &bus.Options{Dir: t.TempDir(), Geometry: small()}
	first, second := open(t, o.Dir, *o), open(t, o.Dir, *o)
	_, err := bus.OpenStatic[tick](first, "ring", smallStatic())
	require.NoError(t, err)
	require.NoError(t, first.RemoveForce())
	assert.Empty(t, names(t, o.Dir))
	require.ErrorIs(t, second.Check(), bus.ErrRemoved)
	pub, sub := newPub[tick](t, first, nil), newSub[tick](t, second, nil)
	publishTicks(t, pub, 0, 5) // who is attached goes on
	requireTicks(t, sub, 0, 5)

	third := open(t, o.Dir, *o)
	_, err = bus.OpenStatic[tick](third, "ring", smallStatic())
	require.NoError(t, err)
	before := names(t, o.Dir)
	require.NoError(t, second.RemoveForce())
	require.NoError(t, bus.RemoveDamaged("test", o))
	assert.Equal(t, before, names(t, o.Dir), "what has come since is not touched")
	require.NoError(t, third.Check())
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

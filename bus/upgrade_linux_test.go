package bus_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A region as the first release made it, kept for all that come after. It is
// written anew with -store, which is for a new major version only.
const storedRegion = "testdata/region-1.0.gz"

var store = flag.Bool("store", false, "write "+storedRegion+" anew")

const (
	headerMajor, headerMinor, headerCompat = 8, 10, 12
	headerSum, headerMetaSize, headerID    = 16, 20, 32
	headerLater, headerMeta, headerSize    = 56, 64, 4096
)

// storedOptions are those of the stored region.
func storedOptions(dir string) *bus.Options {
	lane := bus.LaneGeometry{Capacity: 8, SlotSize: 128, Ports: 2, Pins: 8, Batch: 4}
	return &bus.Options{Dir: dir, Geometry: bus.Geometry{
		Participants: 3, Subscribers: 4, Types: 4, Critical: lane, High: lane, Normal: lane, Low: lane,
	}}
}

// makeStored makes the region: two types, a durable subscription that is owed five
// ticks and an alarm, and some that it has had.
func makeStored(t *testing.T) {
	o := storedOptions(t.TempDir())
	b, err := bus.Open("test", o)
	require.NoError(t, err)
	sub, err := b.Subscribe(&bus.SubscribeOptions{Durable: "billing", Window: 2})
	require.NoError(t, err)
	ticks, alarms := newPub[tick](t, b, nil), newPub[alarm](t, b, nil)
	for i := range 20 {
		e := tick{Seq: uint64(i), Data: [16]byte{15: byte(i)}}
		require.NoError(t, e.Name.Set(fmt.Sprint("tick ", i)))
		require.NoError(t, ticks.TryPublishWith(&e, bus.With{Key: uint64(i), Tail: []byte("tail")}))
		if i < 15 {
			_, err := sub.TryReceive()
			require.NoError(t, err)
		}
	}
	_, err = sub.TryReceive() // finishes the one before, and is owed again
	require.NoError(t, err)
	require.NoError(t, alarms.TryPublish(&alarm{Seq: 7}))
	require.NoError(t, b.Close())
	mem, err := os.ReadFile(filepath.Join(o.Dir, "test"))
	require.NoError(t, err)
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	require.NoError(t, err)
	_, err = z.Write(mem)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.MkdirAll(filepath.Dir(storedRegion), 0o755))
	require.NoError(t, os.WriteFile(storedRegion, out.Bytes(), 0o644))
}

// restore puts the stored region into a directory, changed, with its lock file. The
// checksum of its header is set right.
func restore(t *testing.T, dir string, change func(page []byte)) {
	t.Helper()
	packed, err := os.ReadFile(storedRegion)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	mem, err := io.ReadAll(z)
	require.NoError(t, err)
	page := mem[:headerSize]
	sum := func() uint32 {
		table := crc32.MakeTable(crc32.Castagnoli)
		return crc32.Update(crc32.Update(0, table, page[:headerSum]), table, page[headerMetaSize:])
	}
	require.Equal(t, sum(), binary.LittleEndian.Uint32(page[headerSum:]), "the definition of the checksum has not changed")
	if change != nil {
		change(page)
	}
	binary.LittleEndian.PutUint32(page[headerSum:], sum())
	id := hex.EncodeToString(page[headerID : headerID+16])
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test"), mem, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test."+id+".lock"), nil, 0o600))
}

// works requires that all of the stored region is what it was, and that it can be
// used.
func works(t *testing.T, o *bus.Options) {
	t.Helper()
	b, err := bus.Open("test", o)
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.Check())
	s, err := b.Snapshot()
	require.NoError(t, err)
	require.Len(t, s.Types, 2)
	assert.Equal(t, "Seq uint64@0 Name string32@8 Data [16]uint8@40", s.Types[0].Fields)
	assert.EqualValues(t, 20, s.Types[0].Published)

	assert.EqualValues(t, 1, typeID[tick](t, b), "this program's type is the one that is stored")
	sub, err := b.Subscribe(&bus.SubscribeOptions{Durable: "billing", Window: 2})
	require.NoError(t, err)
	m, err := sub.TryReceive()
	require.NoError(t, err)
	assert.Equal(t, bus.Critical, m.Priority)
	for i := 15; i < 20; i++ {
		require.NoError(t, sub.View(background(), func(e *bus.Event) error {
			v, ok := bus.As[tick](e)
			require.True(t, ok)
			assert.EqualValues(t, i, v.Seq)
			assert.Equal(t, fmt.Sprint("tick ", i), v.Name.String())
			assert.Equal(t, [16]byte{15: byte(i)}, v.Data)
			assert.Equal(t, "tail", string(e.Tail()))
			assert.EqualValues(t, i, e.Header().Key)
			assert.EqualValues(t, i, e.Header().Position)
			return nil
		}))
	}
	_, err = sub.TryReceive()
	require.ErrorIs(t, err, bus.ErrEmpty)
	pub := newPub[tick](t, b, nil)
	for i := range 30 {
		require.NoError(t, pub.TryPublish(&tick{Seq: uint64(i)}))
		_, err := sub.TryReceive()
		require.NoError(t, err)
	}
	require.NoError(t, b.CheckLanes())
	require.NoError(t, b.RecoverDead())
}

// Programs of this release use a region that one of an earlier release has made: the same
// layout, the same schemas, the same durable subscriptions.
func TestRegionOfAnEarlierRelease(t *testing.T) {
	if *store {
		makeStored(t)
	}
	o := storedOptions(t.TempDir())
	restore(t, o.Dir, nil)
	v, err := bus.Inspect("test", o)
	require.NoError(t, err)
	require.NoError(t, v.Close())
	works(t, o)
}

// A later minor version only adds: what this release does not know it passes over.
func TestRegionOfALaterMinorVersion(t *testing.T) {
	o := storedOptions(t.TempDir())
	restore(t, o.Dir, func(page []byte) {
		binary.LittleEndian.PutUint16(page[headerMinor:], 7)
		binary.LittleEndian.PutUint64(page[headerLater:], 0xabcdef)
		n := binary.LittleEndian.Uint32(page[headerMetaSize:])
		more := copy(page[headerMeta+n-1:], `,"added_in_1_7":{"x":[1,2]}}`)
		binary.LittleEndian.PutUint32(page[headerMetaSize:], n-1+uint32(more))
	})
	works(t, o)
	regions, err := bus.List(o.Dir)
	require.NoError(t, err)
	require.Len(t, regions, 1)
	assert.Equal(t, "1.7", regions[0].Version)
	assert.NoError(t, regions[0].Err)
	// Another process of this release joins, too.
	c := start(t, "actor", *o)
	require.Equal(t, "ready 0", c.hear())
	c.expect("ok", "publish 0 3 1")
	c.expect("ok", "close")
}

// A region that programs of this release would misread is refused by every call, with an error that says which
// versions they are and what to do; and stays as it is.
func TestRegionOfAnotherVersion(t *testing.T) {
	for name, c := range map[string]struct {
		major, minor, compat uint16
		says                 string
	}{
		"later major":                     {2, 0, 0, "it is 2.0, this program needs 1.x"},
		"earlier major":                   {0, 9, 0, "it is 0.9, this program needs 1.x"},
		"later minor that is not for all": {1, 3, 2, "it is 1.3 and needs programs of 1.2 or later, this one is 1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			o := storedOptions(t.TempDir())
			restore(t, o.Dir, func(page []byte) {
				binary.LittleEndian.PutUint16(page[headerMajor:], c.major)
				binary.LittleEndian.PutUint16(page[headerMinor:], c.minor)
				binary.LittleEndian.PutUint16(page[headerCompat:], c.compat)
			})
			path := filepath.Join(o.Dir, "test")
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			join := *o
			join.Join = true
			for what, call := range map[string]func() error{
				"open":           func() error { _, err := bus.Open("test", o); return err },
				"join":           func() error { _, err := bus.Open("test", &join); return err },
				"inspect":        func() error { _, err := bus.Inspect("test", o); return err },
				"remove":         func() error { return bus.Remove("test", o) },
				"remove damaged": func() error { return bus.RemoveDamaged("test", o) },
			} {
				err := call()
				require.ErrorIs(t, err, bus.ErrVersion, what)
				for _, text := range []string{c.says, path, "build the programs that share a region from releases of one layout", "remove the region by force"} {
					assert.ErrorContains(t, err, text, what)
				}
			}
			regions, err := bus.List(o.Dir)
			require.NoError(t, err)
			require.Len(t, regions, 1)
			assert.ErrorIs(t, regions[0].Err, bus.ErrVersion)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
			assert.Len(t, names(t, o.Dir), 2)

			require.NoError(t, bus.RemoveForce("test", o))
			b := open(t, o.Dir, *o)
			require.NoError(t, b.Check())
			assert.Len(t, names(t, o.Dir), 2, "also its lock file has gone")
		})
	}
}

package bus_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestStaticChecksItsOptions(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for name, o := range map[string]bus.StaticOptions{
			"capacity":     {Capacity: 100},
			"ports":        {Ports: -1},
			"pins":         {Pins: 600},
			"batch":        {Batch: -1},
			"Policy":       {Policy: 9},
			"Participants": {Participants: -1},
			"Subscribers":  {Subscribers: 1 << 20},
			"type name":    {TypeName: strings.Repeat("x", 64)},
		} {
			_, err := bus.OpenStatic[tick](b, "ring", &o)
			require.ErrorIs(t, err, bus.ErrOptions, name)
			assert.ErrorContains(t, err, name)
		}
		for _, name := range []string{"", ".ring", "a/b", "a b", "ring.lock", "ä", strings.Repeat("x", 64)} {
			_, err := bus.OpenStatic[tick](b, name, nil)
			require.ErrorIs(t, err, bus.ErrOptions, name)
		}
		_, err := bus.OpenStatic[struct{ P *int }](b, "ring", nil)
		require.Error(t, err)
		_, err = bus.OpenStatic[tick](b, "ring", &bus.StaticOptions{Join: true})
		require.ErrorIs(t, err, bus.ErrNotExist)

		r := ticks(t, b, smallStatic())
		for name, o := range map[string]bus.SubscribeOptions{
			"Types":      {Types: []bus.TypeID{1}},
			"Type":       {Type: bus.TypeOptions{Name: "other"}},
			"Priorities": {Priorities: []bus.Priority{bus.Normal}},
			"Starve":     {Starve: 1},
			"Filter":     {Filter: bus.Keys(1)},
			"Position":   {Start: bus.StartPosition, Positions: map[bus.LaneID]uint64{{Priority: bus.Normal}: 0}},
		} {
			_, err := r.Subscribe(&o)
			require.ErrorIs(t, err, bus.ErrOptions)
			assert.ErrorContains(t, err, name)
		}
		h, err := r.Bus().Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1}, h, "who is refused holds nothing")
		ticks(t, b, &bus.StaticOptions{Join: true})
	})
}

// Who disagrees on the type or on the shape is told each difference, in the same
// process and in another.
func TestStaticDisagreement(t *testing.T) {
	type mine struct {
		Seq  uint32
		Name [4]uint8
	}
	dir := t.TempDir()
	first := open(t, dir, bus.Options{Geometry: small()})
	ticks(t, first, smallStatic())
	for _, b := range []*bus.Bus{first, open(t, dir, bus.Options{})} {
		_, err := bus.OpenStatic[mine](b, "ticks", nil)
		var schema *bus.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, "bus_test.tick", schema.Type)
		assert.ErrorContains(t, err, "name: bus_test.mine here, bus_test.tick there")
		assert.ErrorContains(t, err, "Seq")
		assert.ErrorContains(t, err, "Data")
		_, err = bus.OpenStatic[mine](b, "ticks", &bus.StaticOptions{TypeName: "bus_test.tick"})
		require.ErrorAs(t, err, &schema)
		assert.NotContains(t, err.Error(), "name: ")

		_, err = bus.OpenStatic[tick](b, "ticks", &bus.StaticOptions{
			Capacity: 128, Policy: bus.Lossy, Ports: 4, Pins: 63, Subscribers: 99, EvictAfter: time.Minute,
		})
		var geo *bus.GeometryError
		require.ErrorAs(t, err, &geo)
		assert.Equal(t, "test/ticks", geo.Region)
		assert.ElementsMatch(t, []string{
			"Subscribers is 16, asked for 99",
			"Capacity is 64, asked for 128",
			"Pins is 64, asked for 63",
			"Policy is reliable, asked for lossy",
			"EvictAfter is -1ns, asked for 1m0s",
		}, geo.Differences)
	}
	h, err := ticks(t, first, nil).Bus().Held()
	require.NoError(t, err)
	assert.Equal(t, bus.Held{Participants: 1}, h, "who is refused holds nothing")

	local, err := bus.OpenLocal(nil)
	require.NoError(t, err)
	closeAfter(t, local)
	ticks(t, local, nil)
	_, err = bus.OpenStatic[mine](local, "ticks", nil)
	require.ErrorIs(t, err, bus.ErrSchema)
	_, err = bus.OpenStatic[tick](local, "ticks", &bus.StaticOptions{Capacity: 128})
	require.ErrorIs(t, err, bus.ErrGeometry)
}

// Slots hold a value and nothing else, on lines of their own.
func TestStaticSlotSize(t *testing.T) {
	type odd struct{ B [65]byte }
	type signal struct{}
	each(t, func(t *testing.T, b *bus.Bus) {
		slot := func(s bus.Snapshot, err error) int {
			require.NoError(t, err)
			return s.Lanes[0].SlotSize
		}
		two, err := bus.OpenStatic[odd](b, "odd", nil)
		require.NoError(t, err)
		assert.Equal(t, 128, slot(two.Snapshot()))
		assert.Equal(t, 64, slot(ticks(t, b, nil).Snapshot()), "56 bytes")
		none, err := bus.OpenStatic[signal](b, "signal", nil)
		require.NoError(t, err)
		assert.Equal(t, 64, slot(none.Snapshot()))
		pub, sub := staticPub(t, none), staticSub(t, none, nil)
		require.NoError(t, pub.TryPublish(&signal{}))
		_, err = sub.TryReceive()
		require.NoError(t, err)
	})
}

func TestStaticIsShownAsWhatItIs(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small(), Process: "sipd"}
	b := open(t, o.Dir, o)
	r := ticks(t, b, smallStatic())
	pub := staticPub(t, r)
	staticSub(t, r, &bus.SubscribeOptions{Name: "reader", Window: 4})
	putTicks(t, pub, 0, 3)
	v, err := bus.Inspect("test/ticks", &o)
	require.NoError(t, err)
	defer v.Close()
	s, err := v.Snapshot()
	require.NoError(t, err)
	own, err := r.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, own, s)
	assert.Equal(t, "test/ticks", s.Region)
	assert.Equal(t, "ticks", s.Static)
	require.Len(t, s.Lanes, 1)
	assert.Equal(t, bus.LaneInfo{
		Name: "static", Policy: "reliable", Capacity: capacity, SlotSize: 64, Tail: 3, Published: 3, Depth: 3,
		Subscribers: 1, Ports: 4, PortsUsed: 1, Pins: 64, PinsUsed: 4,
	}, s.Lanes[0])
	require.Len(t, s.Subscribers, 1)
	assert.Equal(t, "reader", s.Subscribers[0].Name)
	assert.Equal(t, "static", s.Subscribers[0].Lane)
	require.Len(t, s.Participants, 1)
	assert.Equal(t, "sipd", s.Participants[0].Name)
	require.Len(t, s.Types, 1)
	assert.Equal(t, "bus_test.tick", s.Types[0].Name)
	assert.Equal(t, 56, s.Types[0].Size)

	regions, err := bus.List(o.Dir)
	require.NoError(t, err)
	require.Len(t, regions, 2)
	assert.Equal(t, []string{"test", "test/ticks"}, []string{regions[0].Name, regions[1].Name})
	assert.Equal(t, []string{"", "ticks"}, []string{regions[0].Static, regions[1].Static})

	_, err = bus.Inspect("test/none", &o)
	require.ErrorIs(t, err, bus.ErrNotExist)
	_, err = bus.Inspect("none/ticks", &o)
	require.ErrorIs(t, err, bus.ErrNotExist)
	_, err = bus.Inspect("test/../x", &o)
	require.ErrorIs(t, err, bus.ErrOptions)
}

// The ring's region is no bus, whatever its file is called.
func TestStaticIsNoBus(t *testing.T) {
	dir := t.TempDir()
	ticks(t, open(t, dir, bus.Options{Geometry: small()}), smallStatic())
	files := filesOf(t, dir)
	require.Len(t, files, 4)
	for _, f := range files {
		if strings.HasSuffix(f, ".ticks") {
			_, err := bus.Open(f, &bus.Options{Dir: dir})
			require.ErrorIs(t, err, bus.ErrOptions)
			require.ErrorContains(t, err, "OpenStatic")
		}
	}
}

func filesOf(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func TestStaticIsRemovedWithItsRegion(t *testing.T) {
	o := &bus.Options{Dir: t.TempDir(), Geometry: small()}
	b := open(t, o.Dir, *o)
	r := ticks(t, b, smallStatic())
	require.ErrorIs(t, bus.Remove("test", o), bus.ErrInUse)
	require.ErrorIs(t, bus.Remove("test/ticks", o), bus.ErrInUse)
	require.Len(t, filesOf(t, o.Dir), 4)

	// A loan keeps the ring's memory, and with it the attachment to the region.
	l, err := staticPub(t, r).Loan()
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.ErrorIs(t, bus.Remove("test", o), bus.ErrInUse)
	l.Discard()
	require.NoError(t, bus.Remove("test", o))
	require.Empty(t, filesOf(t, o.Dir))

	// One ring alone.
	b = open(t, o.Dir, *o)
	r = ticks(t, b, smallStatic())
	require.NoError(t, r.Close())
	require.NoError(t, bus.Remove("test/ticks", o))
	require.ErrorIs(t, bus.Remove("test/ticks", o), bus.ErrNotExist)
	require.Len(t, filesOf(t, o.Dir), 2)

	// By force, from under its users.
	r = ticks(t, b, smallStatic())
	pub, sub := staticPub(t, r), staticSub(t, r, nil)
	require.NoError(t, bus.RemoveForce("test", o))
	require.Empty(t, filesOf(t, o.Dir))
	putTicks(t, pub, 0, 3)
	requireStatic(t, sub, 0, 3)

	// The ring of the region that comes after it is another one.
	next := open(t, o.Dir, *o)
	requireStatic(t, staticSub(t, ticks(t, next, smallStatic()), &bus.SubscribeOptions{Start: bus.StartOldest}), 0, 0)
	putTicks(t, pub, 3, 5)
	requireStatic(t, sub, 3, 5)
}

// What a region that was removed by force left in use goes with the next one.
func TestStaticLeftBehindIsSwept(t *testing.T) {
	o := &bus.Options{Dir: t.TempDir(), Geometry: small()}
	b := open(t, o.Dir, *o)
	require.NoError(t, bus.RemoveForce("test", o))
	r := ticks(t, b, smallStatic()) // of a region that has gone
	regions, err := bus.List(o.Dir)
	require.NoError(t, err)
	require.Len(t, regions, 1)
	assert.Equal(t, "ticks", regions[0].Static)
	v, err := bus.Inspect(regions[0].Name, o)
	require.NoError(t, err, "by the name that List gives it")
	require.NoError(t, v.Close())

	second := open(t, o.Dir, *o)
	require.Len(t, filesOf(t, o.Dir), 4, "still in use")
	mine := ticks(t, second, smallStatic())
	require.NoError(t, second.Close())
	require.NoError(t, bus.Remove("test", o))
	require.Len(t, filesOf(t, o.Dir), 2, "still in use")
	require.NoError(t, mine.Close())
	require.NoError(t, r.Close())
	require.NoError(t, b.Close())
	require.ErrorIs(t, bus.Remove("test", o), bus.ErrNotExist)
	require.Empty(t, filesOf(t, o.Dir))
}

// The ring is for whom the region is for.
func TestStaticHasTheModeOfItsRegion(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, bus.Options{Geometry: small(), Mode: 0o644})
	ticks(t, open(t, dir, bus.Options{}), smallStatic())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		want := os.FileMode(0o644)
		if strings.HasSuffix(f.Name(), ".lock") {
			want = 0o600
		}
		assert.Equal(t, want, info.Mode(), f.Name())
	}
}

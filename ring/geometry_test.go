package ring

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/word"
)

func goodGeometry() Geometry {
	return Geometry{Capacity: 8, SlotSize: 64, Ports: 2, Pins: 3, Batch: 2, Readers: 2}
}

func TestGeometryNamesWhatIsOutOfBounds(t *testing.T) {
	require.NoError(t, goodGeometry().Validate())
	for _, c := range []struct {
		says   string
		change func(*Geometry)
	}{
		{"capacity is 0", func(g *Geometry) { g.Capacity = 0 }},
		{"capacity is 1", func(g *Geometry) { g.Capacity = 1 }},
		{"capacity is -8", func(g *Geometry) { g.Capacity = -8 }},
		{"capacity is 12, must be a power of two", func(g *Geometry) { g.Capacity = 12 }},
		{"capacity is 262144", func(g *Geometry) { g.Capacity = 1 << 18 }},
		{"slot size is 0", func(g *Geometry) { g.SlotSize = 0 }},
		{"slot size is 100, must be a multiple", func(g *Geometry) { g.SlotSize = 100 }},
		{"slot size is 1048640", func(g *Geometry) { g.SlotSize = 1<<20 + 64 }},
		{"ports is 0", func(g *Geometry) { g.Ports = 0 }},
		{"ports is 1024", func(g *Geometry) { g.Ports = MaxPorts + 1 }},
		{"pins is 0", func(g *Geometry) { g.Pins = 0 }},
		{"batch is 0", func(g *Geometry) { g.Batch = 0 }},
		{"pins + batch is 512", func(g *Geometry) { g.Pins, g.Batch = 256, 256 }},
		{"readers is 0", func(g *Geometry) { g.Readers = 0 }},
		{"readers is 4097", func(g *Geometry) { g.Readers = 4097 }},
		{"slots (capacity + ports x (pins + batch))", func(g *Geometry) { g.Ports, g.Pins, g.Batch = MaxPorts, 255, 255 }},
	} {
		g := goodGeometry()
		c.change(&g)
		err := g.Validate()
		require.ErrorIs(t, err, ErrGeometry, c.says)
		assert.ErrorContains(t, err, c.says)
		assert.ErrorIs(t, Format(NewMemory(1<<16), g, 0), ErrGeometry)
		_, err = Attach(NewMemory(1<<16), g, nil)
		assert.ErrorIs(t, err, ErrGeometry)
	}
}

func TestExtremeGeometriesAreGood(t *testing.T) {
	for _, g := range []Geometry{
		{Capacity: 2, SlotSize: 64, Ports: 1, Pins: 1, Batch: 1, Readers: 1},
		{Capacity: 1 << 17, SlotSize: 1 << 20, Ports: 1, Pins: 1, Batch: 1, Readers: 4096},
		{Capacity: 2, SlotSize: 64, Ports: MaxPorts, Pins: 100, Batch: 100, Readers: 1},
		{Capacity: 2, SlotSize: 64, Ports: 1, Pins: MaxCells - 1, Batch: 1, Readers: 1},
	} {
		assert.NoError(t, g.Validate(), "%+v", g)
	}
}

func TestPartsOfALaneDoNotOverlap(t *testing.T) {
	for _, g := range []Geometry{goodGeometry(), {Capacity: 2, SlotSize: 64, Ports: 1, Pins: 1, Batch: 1, Readers: 1},
		{Capacity: 1024, SlotSize: 192, Ports: 17, Pins: 30, Batch: 7, Readers: 33}} {
		at := g.layout()
		parts := []struct {
			name     string
			from, to int
		}{
			{"words", 0, offRoom + 4},
			{"ports", offPorts, offPorts + g.Ports*spacing},
			{"cursors", at.cursors, at.cursors + g.Readers*spacing},
			{"cells", at.cells, at.cells + g.Ports*at.cellStride},
			{"entries", at.entries, at.entries + g.Capacity*8},
			{"slots", at.slots, at.slots + g.Slots()*g.SlotSize},
		}
		for i, p := range parts {
			assert.Zero(t, p.from%lineSize, "%s start on a line", p.name)
			if i > 0 {
				assert.LessOrEqual(t, parts[i-1].to, p.from, "%s and %s", parts[i-1].name, p.name)
			}
		}
		assert.Equal(t, at.slots+g.Slots()*g.SlotSize, g.Size())
		assert.GreaterOrEqual(t, at.cellStride, g.Cells()*8)
		assert.Less(t, cursorEvictions, spacing)
		assert.Less(t, portFull, spacing)
	}
}

func TestMemoryThatDoesNotFitIsRefused(t *testing.T) {
	g := goodGeometry()
	for _, mem := range [][]byte{nil, {}, NewMemory(g.Size() - 1), NewMemory(g.Size() + 64)[8:]} {
		assert.ErrorIs(t, Format(mem, g, 0), ErrGeometry, "%d bytes", len(mem))
		_, err := Attach(mem, g, nil)
		assert.ErrorIs(t, err, ErrGeometry, "%d bytes", len(mem))
	}
	assert.True(t, word.Aligned(NewMemory(1)))
}

func TestAFreshLaneIsWholeAndEmpty(t *testing.T) {
	for _, capacity := range []int{2, 8, 64} {
		for _, start := range []uint64{0, 1, 1<<36 - 1, 1 << 46, 1<<48 - 1, 1 << 63, ^uint64(0)} {
			t.Run(fmt.Sprintf("%d from %#x", capacity, start), func(t *testing.T) {
				g := goodGeometry()
				g.Capacity = capacity
				mem := NewMemory(g.Size())
				require.NoError(t, Format(mem, g, start))
				l, err := Attach(mem, g, &LocalParker{})
				require.NoError(t, err)
				require.NoError(t, l.Check())
				assert.Equal(t, start, l.Tail())
				assert.Equal(t, start, l.Start())
				assert.Equal(t, g, l.Geometry())
				assert.Equal(t, LaneStats{Tail: start}, l.Stats())
				require.NoError(t, l.Reserve(0, 1))
				r := l.NewReader(0, 1)
				r.JoinOldest()
				n, missed, err := r.Poll(1)
				assert.NoError(t, err)
				assert.Zero(t, n)
				assert.Zero(t, missed, "nothing was ever published")
			})
		}
	}
}

func TestLaneIgnoresMemoryBehindIt(t *testing.T) {
	g := goodGeometry()
	mem := NewMemory(g.Size() + 64)
	require.NoError(t, Format(mem, g, 0))
	l, err := Attach(mem, g, nil)
	require.NoError(t, err)
	last := l.slot(uint32(g.Slots() - 1))
	assert.Len(t, last, g.SlotSize)
	assert.Equal(t, g.SlotSize, cap(last), "a slot cannot be appended to")
	for i := range last {
		last[i] = 0xff
	}
	assert.Equal(t, make([]byte, 64), mem[g.Size():])
}

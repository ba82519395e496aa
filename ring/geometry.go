package ring

import (
	"fmt"
	"github.com/rvoip/shmbus/internal/word"
	"math/bits"
)

// Geometry is the shape of a lane. Every process that attaches to the same
// memory must use the same one.
type Geometry struct {
	Capacity int  // events the ring holds: a power of two, 2 to 1<<17
	SlotSize int  // bytes of a slot: a multiple of 64, at most 1 MiB
	Ports    int  // producers' seats: 1 to MaxPorts
	Pins     int  // pin budget: sum of what all readers may have pinned, at least 1
	Batch    int  // events a producer may hold filled or on loan, at least 1
	Readers  int  // cursors: 1 to 4096
	Reliable bool // producers wait for gated cursors
}

// Cells is the number of slots a port owns: as many as may be pinned, so that
// a producer never waits for a reader, and as many as it may hold itself.
func (g Geometry) Cells() int { return g.Pins + g.Batch }

// Slots is the number of slots of the lane.
func (g Geometry) Slots() int { return g.Capacity + g.Ports*g.Cells() }

// Validate tells what is out of bounds, wrapping ErrGeometry.
func (g Geometry) Validate() error {
	check := func(name string, v, lo, hi int) error {
		if v < lo || v > hi {
			return fmt.Errorf("%w: %s is %d, must be %d to %d", ErrGeometry, name, v, lo, hi)
		}
		return nil
	}
	for _, err := range []error{
		check("capacity", g.Capacity, 2, 1<<17),
		check("slot size", g.SlotSize, 64, 1<<20),
		check("ports", g.Ports, 1, MaxPorts),
		check("pins", g.Pins, 1, MaxCells-1),
		check("batch", g.Batch, 1, MaxCells-1),
		check("pins + batch", g.Pins+g.Batch, 2, MaxCells),
		check("readers", g.Readers, 1, 4096),
	} {
		if err != nil {
			return err
		}
	}
	if bits.OnesCount(uint(g.Capacity)) != 1 {
		return fmt.Errorf("%w: capacity is %d, must be a power of two", ErrGeometry, g.Capacity)
	}
	if g.SlotSize%lineSize != 0 {
		return fmt.Errorf("%w: slot size is %d, must be a multiple of %d", ErrGeometry, g.SlotSize, lineSize)
	}
	return check("slots (capacity + ports x (pins + batch))", g.Slots(), 1, MaxSlots)
}

const (
	lineSize = word.LineSize
	// spacing keeps words of different writers apart: two lines, as the
	// adjacent-line prefetcher fetches lines in pairs.
	spacing = 2 * lineSize
)

// The layout of a lane. Offsets in bytes; every part starts on a line.
//
//	0      tail            u64   hint: first position not known to be published
//	128    start           u64   first position ever, never changes
//	136    generation      u64   bumped by readers that join behind the tail
//	144    high            u64   cursors [0, high) have been used
//	152    evictions       u64   gates that producers have taken
//	256    room            u32   futex word of producers that wait for room
//	384    ports    x 128:  0 owner u64 | 8 intent u64 | 16 published u64 | 24 full u64
//	...    cursors  x 128:  0 cursor u64 | 8 reserved pins u64 | 16 want u64 |
//	                       24 received u64 | 32 missed u64 | 40 filtered u64 | 48 evictions u64 |
//	                       56 hold u64 | 64 owed u64 | 72 from u64: position less received,
//	                       missed and filtered, when the cursor was placed | 96 what received, missed, filtered and
//	                       evictions were when this subscription began, 4 x u64
//	...    cells    ports x cells x u64, each port's on lines of its own
//	...    entries  capacity x u64
//	...    slots    (capacity + ports x cells) x slot size
const (
	offTail       = 0
	offStart      = 128
	offGeneration = 136
	offHigh       = 144
	offEvictions  = 152
	offRoom       = 256
	offPorts      = 384

	portOwner     = 0
	portIntent    = 8
	portPublished = 16
	portFull      = 24

	cursorWord      = 0
	cursorReserved  = 8
	cursorWant      = 16
	cursorReceived  = 24
	cursorMissed    = 32
	cursorFiltered  = 40
	cursorEvictions = 48
	cursorHold      = 56
	cursorOwed      = 64
	cursorFrom      = 72
	cursorBegan     = 96
)

type layout struct {
	cursors, cells, cellStride, entries, slots, size int
}

func (g Geometry) layout() layout {
	up := func(n int) int { return (n + spacing - 1) &^ (spacing - 1) }
	var l layout
	l.cursors = offPorts + g.Ports*spacing
	l.cells = l.cursors + g.Readers*spacing
	l.cellStride = up(g.Cells() * 8)
	l.entries = l.cells + g.Ports*l.cellStride
	l.slots = l.entries + up(g.Capacity*8)
	l.size = l.slots + g.Slots()*g.SlotSize
	return l
}

// Size is the number of bytes the lane needs.
func (g Geometry) Size() int { return g.layout().size }

const (
	// usualBytes of an event are asked for ahead by those that have not said what
	// they expect.
	usualBytes = 2 * lineSize
	// mostLines are asked for ahead. What is behind them, the processor sees coming.
	mostLines = 4
)

// ahead is how many lines of a slot are asked for ahead, of which so many bytes are of
// interest.
func (g Geometry) ahead(bytes int) int {
	return max(1, min((bytes+lineSize-1)/lineSize, mostLines, g.SlotSize/lineSize))
}

package ring

// The words of a lane. All counters are modular: a field holds the low bits of
// a 64-bit position or lap, and is widened by comparing it with a position
// known to be near.
//
//	entry   63        34 33   24 23   18 17    0
//	        |  lap (30) | owner |  tag  | slot  |
//	intent  63        28 27  19 18    1  0
//	        |  pos (36) | cell | slot  | won |
//	cell    63                18 17    0
//	        |  key (46)          | slot  |
//	cursor  63                16 15   4 3   0
//	        |  pos (48)          |  n   | flag |
const (
	slotBits  = 18
	ownerBits = 10
	tagBits   = 6
	lapBits   = 64 - ownerBits - tagBits - slotBits

	cellBits      = 9
	intentPosBits = 64 - cellBits - slotBits - 1

	keyBits = 64 - slotBits

	pinBits       = 12
	flagBits      = 4
	cursorPosBits = 64 - pinBits - flagBits

	// MaxSlots is the number of slots that an entry can name.
	MaxSlots = 1 << slotBits
	// MaxPorts is the number of ports that an entry can name; the last
	// number stands for "nobody".
	MaxPorts = 1<<ownerBits - 1
	// MaxCells is the number of cells that an intent can name; the last
	// number stands for "idle".
	MaxCells = 1<<cellBits - 1
	// MaxPin is the number of events a cursor can pin.
	MaxPin = 1<<pinBits - 1

	slotMask = MaxSlots - 1
	nobody   = MaxPorts
	idleCell = MaxCells
)

// near widens the low bits of a position to the 64-bit position closest to ref.
func near(ref, low uint64, bits uint) uint64 {
	shift := 64 - bits
	return ref + uint64(int64((low-ref)<<shift)>>shift)
}

// before tells whether position a comes before b.
func before(a, b uint64) bool { return int64(a-b) < 0 }

type entry uint64

func makeEntry(lap uint64, owner uint32, r ref) entry {
	return entry(lap<<(64-lapBits) | uint64(owner)<<(tagBits+slotBits) | uint64(r))
}

// ahead is how many laps e was published after the given lap: 0 for the same,
// -1 for the lap before. Less than that says that whoever asks has slept so long
// that the count of laps has gone round.
func (e entry) ahead(lap uint64) int64 {
	const shift = 64 - lapBits
	return int64((uint64(e)>>shift-lap)<<shift) >> shift
}

// ofLap tells whether e was published in the given lap.
func (e entry) ofLap(lap uint64) bool { return uint64(e)>>(64-lapBits) == lap&(1<<lapBits-1) }

func (e entry) owner() uint32 { return uint32(e>>(tagBits+slotBits)) & (1<<ownerBits - 1) }
func (e entry) slot() uint32  { return e.ref().slot() }
func (e entry) ref() ref      { return ref(e) & (1<<(tagBits+slotBits) - 1) }

// ref is the part of an entry that is about its event: the slot, and a tag by
// which readers can pass over what they do not look for without touching the slot.
type ref uint32

func makeRef(slot, tag uint32) ref { return ref(tag<<slotBits | slot) }
func (r ref) slot() uint32         { return uint32(r) & (1<<slotBits - 1) }
func (r ref) tag() uint32          { return uint32(r) >> slotBits }

// Tag is the tag of events with that key, one of 64 (Fibonacci hashing, Knuth 6.4).
func Tag(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> (64 - tagBits)) }

type intent uint64

const intentIdle = intent(idleCell) << (slotBits + 1)

func makeIntent(pos uint64, cell int, slot uint32) intent {
	return intent(pos<<(64-intentPosBits) | uint64(cell)<<(slotBits+1) | uint64(slot)<<1)
}
func (i intent) idle() bool    { return i.cell() == idleCell }
func (i intent) won() bool     { return i&1 != 0 }
func (i intent) asWon() intent { return i | 1 }
func (i intent) cell() int     { return int(i>>(slotBits+1)) & (1<<cellBits - 1) }
func (i intent) slot() uint32  { return uint32(i>>1) & (1<<slotBits - 1) }
func (i intent) pos(ref uint64) uint64 {
	return near(ref, uint64(i)>>(64-intentPosBits), intentPosBits)
}

type cell uint64

func makeCell(key uint64, slot uint32) cell { return cell(key<<slotBits | uint64(slot)) }
func (c cell) slot() uint32                 { return uint32(c) & (1<<slotBits - 1) }
func (c cell) key(ref uint64) uint64        { return near(ref, uint64(c)>>slotBits, keyBits) }

type cursor uint64

const (
	flagJoined = 1 << iota // somebody owns this cursor, dead or alive
	flagGated              // producers of a reliable lane stay within a lap of it
)

func makeCursor(pos uint64, n int, flags uint64) cursor {
	return cursor(pos<<(pinBits+flagBits) | uint64(n)<<flagBits | flags)
}
func (c cursor) joined() bool          { return c&flagJoined != 0 }
func (c cursor) gated() bool           { return c&flagGated != 0 }
func (c cursor) flags() uint64         { return uint64(c) & (1<<flagBits - 1) }
func (c cursor) pins() int             { return int(c>>flagBits) & MaxPin }
func (c cursor) pos(ref uint64) uint64 { return near(ref, c.at(), cursorPosBits) }

// at is the position as far as the word holds it.
func (c cursor) at() uint64 { return uint64(c) >> (pinBits + flagBits) }

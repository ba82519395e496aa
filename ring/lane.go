package ring

import (
	"fmt"
	"github.com/rvoip/shmbus/internal/word"
	"math/bits"
	"sync/atomic"
)

// Lane is one ring over memory that it shares with other processes or
// goroutines. It is safe for concurrent use, and valid for as long as the
// memory is.
type Lane struct {
	geo   Geometry
	cells int
	mask  uint64
	shift uint
	slots int
	start uint64 // read once: never changes in the region

	tail       *atomic.Uint64
	generation *atomic.Uint64
	high       *atomic.Uint64
	evictions  *atomic.Uint64
	room       *atomic.Uint32

	ports   []portWords
	cursors []cursorWords
	entries []atomic.Uint64
	bytes   []byte // the slots

	parker Parker
}

type portWords struct {
	owner, intent, published, full *atomic.Uint64
	cells                          []atomic.Uint64
}

type cursorWords struct {
	word, reserved, want                  *atomic.Uint64
	received, missed, filtered, evictions *atomic.Uint64
	hold, owed, from                      *atomic.Uint64
	began                                 counters
}

// Format lays out a fresh lane whose first event will have the position start.
// Nobody else may see the memory yet. mem must have geo.Size() bytes, start on
// a cache line and hold zeros.
func Format(mem []byte, geo Geometry, start uint64) error {
	l, err := bind(mem, geo)
	if err != nil {
		return err
	}
	l.tail.Store(start)
	word.U64(mem, offStart).Store(start)
	n := uint64(geo.Capacity)
	for i := range n {
		pos := start - n + i
		l.entries[pos&l.mask].Store(uint64(makeEntry(pos>>l.shift, nobody, makeRef(uint32(i), 0))))
	}
	slot := uint32(geo.Capacity)
	for _, p := range l.ports {
		p.intent.Store(uint64(intentIdle))
		for j := range p.cells {
			p.cells[j].Store(uint64(makeCell(start-n-1, slot)))
			slot++
		}
	}
	return nil
}

// Attach binds to a lane that Format has laid out with the same geometry.
// parker is how producers that wait for room sleep and are woken.
func Attach(mem []byte, geo Geometry, parker Parker) (*Lane, error) {
	l, err := bind(mem, geo)
	if err != nil {
		return nil, err
	}
	l.start = word.U64(mem, offStart).Load()
	l.parker = parker
	return l, nil
}

func bind(mem []byte, geo Geometry) (*Lane, error) {
	if err := geo.Validate(); err != nil {
		return nil, err
	}
	if len(mem) < geo.Size() || !word.Aligned(mem) {
		return nil, fmt.Errorf("%w: %d bytes (aligned: %t) for a lane of %d", ErrGeometry, len(mem), word.Aligned(mem), geo.Size())
	}
	at := geo.layout()
	l := &Lane{
		geo:        geo,
		cells:      geo.Cells(),
		mask:       uint64(geo.Capacity - 1),
		shift:      uint(bits.TrailingZeros(uint(geo.Capacity))),
		slots:      geo.Slots(),
		tail:       word.U64(mem, offTail),
		generation: word.U64(mem, offGeneration),
		high:       word.U64(mem, offHigh),
		evictions:  word.U64(mem, offEvictions),
		room:       word.U32(mem, offRoom),
		entries:    word.U64s(mem, at.entries, geo.Capacity),
		bytes:      mem[at.slots:at.size:at.size],
	}
	for i := range geo.Ports {
		off := offPorts + i*spacing
		l.ports = append(l.ports, portWords{
			owner:     word.U64(mem, off+portOwner),
			intent:    word.U64(mem, off+portIntent),
			published: word.U64(mem, off+portPublished),
			full:      word.U64(mem, off+portFull),
			cells:     word.U64s(mem, at.cells+i*at.cellStride, l.cells),
		})
	}
	for i := range geo.Readers {
		off := at.cursors + i*spacing
		l.cursors = append(l.cursors, cursorWords{
			word:      word.U64(mem, off+cursorWord),
			reserved:  word.U64(mem, off+cursorReserved),
			want:      word.U64(mem, off+cursorWant),
			received:  word.U64(mem, off+cursorReceived),
			missed:    word.U64(mem, off+cursorMissed),
			filtered:  word.U64(mem, off+cursorFiltered),
			evictions: word.U64(mem, off+cursorEvictions),
			hold:      word.U64(mem, off+cursorHold),
			began:     counters(word.U64s(mem, off+cursorBegan, 4)),
			owed:      word.U64(mem, off+cursorOwed),
			from:      word.U64(mem, off+cursorFrom),
		})
	}
	return l, nil
}

// Geometry returns the shape of the lane.
func (l *Lane) Geometry() Geometry { return l.geo }

// Tail is the first position that is not published, also where the shared word of
// that name does not say so yet: that is a hint, from which one goes on.
func (l *Lane) Tail() uint64 {
	t := l.tail.Load()
	for range hintTries {
		if next, ok := l.endFrom(t); ok {
			return next
		}
		// Others have published more than a lap meanwhile, and moved the hint.
		now := l.tail.Load()
		if now == t {
			break // hostile: the tail is not so far behind
		}
		t = now
	}
	return t
}

// endFrom goes on from the hint t to the first position that is not published.
func (l *Lane) endFrom(t uint64) (next uint64, ok bool) {
	next = t
	for range l.slots {
		d := entry(l.entries[next&l.mask].Load()).ahead(next >> l.shift)
		if d < 0 {
			return next, true
		}
		// Published a lap or more later, so everything before that has been
		// published too.
		if next += uint64(d)<<l.shift + 1; before(t+uint64(l.slots), next) {
			break
		}
	}
	return t, false
}

// Start is the position of the first event that the lane ever held.
func (l *Lane) Start() uint64 { return l.start }

// slot returns the bytes of slot i, which the caller has bounded.
func (l *Lane) slot(i uint32) []byte {
	off := int(i) * l.geo.SlotSize
	return l.bytes[off : off+l.geo.SlotSize : off+l.geo.SlotSize]
}

// used bounds the shared high-water mark of cursors.
func (l *Lane) used() int {
	// Pairs with raiseHigh: a joiner raises the mark before it stores its
	// cursor, so a scan that does not see the mark did not miss a cursor.
	return int(min(l.high.Load(), uint64(len(l.cursors))))
}

func (l *Lane) raiseHigh(n int) {
	for range hintTries {
		h := l.high.Load()
		if h >= uint64(n) && h <= uint64(len(l.cursors)) {
			return
		}
		if l.high.CompareAndSwap(h, uint64(n)) {
			return
		}
	}
}

// hintTries bounds how often a move of a hint may lose to others, who then have
// moved it: only words that change at random make anybody try so often.
const hintTries = 1000

// forward moves the tail hint to at least to. Everything before to must have
// been published.
func (l *Lane) forward(to uint64) {
	for range hintTries {
		t := l.tail.Load()
		if !before(t, to) || l.tail.CompareAndSwap(t, to) {
			return
		}
	}
}

// NewMemory returns n zeroed bytes of heap memory, as Format wants them.
func NewMemory(n int) []byte { return word.NewMemory(n) }

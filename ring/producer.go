package ring

import (
	"fmt"

	"github.com/rvoip/shmbus/internal/failpoint"
)

// Producer publishes through one port. It belongs to one goroutine at a time.
//
// A cell goes round:
//
//	free ──Reserve──> reserved ──Publish──> displaced ──scan finds no pin──> free
//	  ^                  │
//	  └────── Cancel ────┘
//
// In all but the displaced state the producer alone knows the cell's slot; a
// displaced slot may still be read in place by whoever pinned its position.
type Producer struct {
	lane  *Lane
	port  uint32
	words *portWords

	cells []ownCell
	held  int // how many are reserved
	next  int // cell to try first

	gen   uint64 // generation of the lane at the last scan
	safe  uint64 // no pin can lie on a position before this one
	limit uint64 // reliable lane: first position there is no room for
	soft  uint64 // position at which to look at the cursors again
	stop  uint64 // the earlier of limit and soft
	seen  []uint64

	lines int // of a slot that it asks for ahead

	at    uint64                 // everything before it has been published
	ahead [entriesPerLine]uint64 // entries of the positions [line, line+known), as seen once
	line  uint64
	known uint64

	pins  []span
	nudge func(reader int)

	published, full uint64
	lost            uint64 // entries that others took first
}

// ownCell is a cell of the port, mirrored: shared memory is written, never read
// back.
type ownCell struct {
	key            uint64
	slot           uint32
	tag            uint32 // of the event in the slot, while it is reserved
	free, reserved bool
}

// span is what a cursor pins.
type span struct{ pos, n uint64 }

// NewProducer returns a producer on port, which the caller has claimed. nudge,
// if not nil, is called with the index of a reader that is more than half a lap
// behind, so that one that sleeps through events it does not care for moves on.
func (l *Lane) NewProducer(port int, nudge func(reader int)) (*Producer, error) {
	w := &l.ports[port]
	p := &Producer{
		lane: l, port: uint32(port), words: w, nudge: nudge, lines: l.geo.ahead(usualBytes),
		cells:     make([]ownCell, l.cells),
		seen:      make([]uint64, len(l.ports)),
		published: w.published.Load(), full: w.full.Load(),
	}
	t := l.tail.Load()
	p.at = t
	for j := range p.cells {
		c := cell(w.cells[j].Load())
		if int(c.slot()) >= l.slots {
			return nil, fmt.Errorf("%w: port %d cell %d names slot %d of %d", ErrCorrupt, port, j, c.slot(), l.slots)
		}
		p.cells[j] = ownCell{key: c.key(t), slot: c.slot()}
	}
	const past = 1 << 62 // so far back that nothing is before it
	p.safe, p.limit, p.soft, p.stop = t-past, t-past, t-past, t-past
	for q := range p.seen {
		p.seen[q] = t - past
	}
	return p, nil
}

// Expect says how many bytes of most slots will be written, from their front on, so
// that they can be asked for ahead.
func (p *Producer) Expect(bytes int) { p.lines = p.lane.geo.ahead(bytes) }

// Lost is how many entries others took that this producer was about to take, mostly
// since it last looked at them.
func (p *Producer) Lost() uint64 { return p.lost }

// Next is the position behind the last event that this producer has published, or
// behind what it found published when it was made.
func (p *Producer) Next() uint64 { return p.at }

// Port returns the index of the producer's port.
func (p *Producer) Port() int { return int(p.port) }

// Reserve takes a free cell and returns its slot to be filled. The cell is the
// caller's until Publish or Cancel. It returns ErrNoSlot when the producer
// already holds a whole batch, or when readers have pinned every other slot.
func (p *Producer) Reserve() (cell int, slot []byte, err error) {
	if p.held >= p.lane.geo.Batch {
		return 0, nil, ErrNoSlot
	}
	j := p.next
	if p.cells[j].reserved { // a batch
		if j++; j == len(p.cells) {
			j = 0
		}
	}
	if c := &p.cells[j]; c.reserved || p.gen != p.lane.generation.Load() || !c.free && !before(c.key, p.safe) {
		j = p.pick()
	}
	if j < 0 {
		p.scan()
		if j = p.pick(); j < 0 {
			return 0, nil, ErrNoSlot
		}
	}
	p.cells[j].reserved, p.cells[j].tag = true, 0
	p.held++
	p.next = j
	failpoint.Hit(stepFill)
	return j, p.lane.slot(p.cells[j].slot), nil
}

// Slot returns the slot of a reserved cell.
func (p *Producer) Slot(cell int) []byte { return p.lane.slot(p.cells[cell].slot) }

// Tag gives the event of a reserved cell a tag, see Tag; otherwise it has 0.
func (p *Producer) Tag(cell int, tag uint32) { p.cells[cell].tag = tag % (1 << tagBits) }

// Cancel gives a reserved cell back unpublished.
func (p *Producer) Cancel(cell int) {
	if c := &p.cells[cell]; c.reserved {
		c.reserved, c.free = false, true
		p.held--
	}
}

// pick returns a cell that no reader can have pinned, or -1.
func (p *Producer) pick() int {
	// Pairs with the bump in JoinOldest and JoinAt: a reader that joins behind
	// the tail may pin positions before safe, but only after the bump; if that
	// is not seen here, the reader looks at the entry after the exchange that
	// displaced the slot, and finds it gone.
	safe := p.safe
	current := p.lane.generation.Load() == p.gen
	if !current {
		p.soft, p.stop = safe, safe // look at the cursors before the next exchange
	}
	for i, j := 0, p.next; i < len(p.cells); i++ {
		if c := &p.cells[j]; !c.reserved && (c.free || current && before(c.key, safe)) {
			return j
		}
		if j++; j == len(p.cells) {
			j = 0
		}
	}
	return -1
}

// scan reads the cursors: how far producers may go, and which displaced slots
// nobody reads any more.
func (p *Producer) scan() {
	l := p.lane
	failpoint.Hit(stepScan)
	p.gen = l.generation.Load()
	// The tail comes first: a reader that joins after this load joins at or
	// after it, so neither safe nor limit can pass a cursor not seen here.
	t := l.tail.Load()
	safe, gate := t, t
	p.pins = p.pins[:0]
	half := uint64(l.geo.Capacity / 2)
	for i := range l.used() {
		// Pairs with Reader.move and Reader.place.
		c := cursor(l.cursors[i].word.Load())
		if !c.joined() {
			continue
		}
		pos := c.pos(t)
		if before(pos, safe) {
			safe = pos
		}
		if c.gated() {
			if at := l.gate(i, pos); before(at, gate) {
				gate = at
			}
		}
		if n := c.pins(); n > 0 {
			p.pins = append(p.pins, span{pos, uint64(n)})
		}
		if p.nudge != nil && !before(t, pos+half) {
			p.nudge(i)
		}
	}
	p.safe = safe
	p.limit = gate + uint64(l.geo.Capacity)
	p.soft = t + max(half/2, 1)
	if p.stop = p.soft; l.geo.Reliable && before(p.limit, p.stop) {
		p.stop = p.limit
	}
	// Also the cells before safe: when a reader joins behind the tail right
	// now, pick no longer believes in safe, and they must not be lost with it.
	// What this scan finds free stays free, since a reader that pins it later
	// looks at its entry after that, and finds it gone.
	for j := range p.cells {
		if c := &p.cells[j]; !c.reserved {
			c.free = before(c.key, safe) || !p.pinned(c.key)
		}
	}
}

func (p *Producer) pinned(key uint64) bool {
	for _, s := range p.pins {
		if key-s.pos < s.n {
			return true
		}
	}
	return false
}

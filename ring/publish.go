package ring

import (
	"fmt"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/prefetch"
)

// maxTries, and four times the capacity, bound the search for a free entry. A
// producer that loses an entry has seen somebody else publish; so many losses in
// a row do not happen, but words of a hostile process could keep it searching
// for ever.
const maxTries = 1 << 16

// Publish publishes the slot of a reserved cell and returns its position. The
// cell stays reserved when it fails: with ErrFull on a reliable lane without
// room, with ErrCorrupt when the lane's words make no sense.
func (p *Producer) Publish(cell int) (uint64, error) {
	pos, err := p.exchange(cell)
	if err != nil {
		return 0, err
	}
	// The tail is a hint: who wants to know the end goes on from it. So it is
	// moved once for the entries of a line, and a publish has one exchange.
	if p.at%entriesPerLine == 0 {
		p.moveTail()
	}
	failpoint.Hit(stepPublished)
	return pos, nil
}

// PublishBatch publishes the slots of reserved cells in order and returns how
// many, and the position of the last. Other producers' events may lie between
// them; a process killed in the middle has published the first ones. When it
// fails, the cells after the first n stay reserved.
func (p *Producer) PublishBatch(cells []int) (n int, last uint64, err error) {
	for _, c := range cells {
		at, xerr := p.exchange(c)
		if xerr != nil {
			err = xerr // last stays what was published before
			break
		}
		last = at
		n++
		failpoint.Hit(stepBatchNext)
	}
	if n > 0 {
		p.next = cells[0] // the next batch may have the same cells, and fewer lines are touched
		p.moveTail()
		failpoint.Hit(stepPublished)
	}
	return n, last, err
}

// moveTail says that everything before p.at has been published. Pairs with the
// tail load of every producer and joiner: events are in their entries before the
// tail says so.
func (p *Producer) moveTail() {
	failpoint.Hit(stepTail)
	p.lane.forward(p.at)
}

// exchange puts the slot of cell into the first unpublished entry, and books the
// slot it displaces.
func (p *Producer) exchange(cell int) (uint64, error) {
	if !p.cells[cell].reserved {
		panic("ring: publish of a cell that is not reserved")
	}
	// Mostly the entry is as it was a moment ago, there is room, and nobody needs
	// help: the rest is search.
	if s := p.at; s-p.line < p.known && before(s, p.stop) {
		failpoint.Hit(stepLoadEntry)
		if w := entry(p.ahead[s-p.line]); w.ofLap(s>>p.lane.shift-1) && p.may(w, s-uint64(p.lane.geo.Capacity)) && p.swap(cell, w, s) {
			return s, nil
		}
	}
	return p.search(cell)
}

// search is exchange where it has to look around.
func (p *Producer) search(cell int) (uint64, error) {
	l := p.lane
	s := p.at
	failpoint.Hit(stepLoadTail)
	if t := l.tail.Load(); before(s, t) {
		s = t
	}
	for range maxTries + 4*l.geo.Capacity {
		failpoint.Hit(stepLoadEntry)
		w := p.expect(s)
		switch d := w.ahead(s >> l.shift); {
		case d == 0:
			// Published, but the tail does not say so. Help at the end of a
			// line, since its producer may never come to it.
			if s++; s%entriesPerLine == 0 {
				failpoint.Hit(stepHelpTail)
				l.forward(s)
			}
			continue
		case d > 0:
			// Published a lap or more later, so everything before that has
			// been published too.
			s += uint64(d)<<l.shift + 1
			continue
		case d < -1:
			// We have slept for so long that the count of laps has gone round.
			t := l.tail.Load()
			if !before(s, t) {
				return 0, fmt.Errorf("%w: position %d is before its lap by %d", ErrCorrupt, s, -d)
			}
			s = t
			continue
		}
		if !before(s, p.stop) {
			// The limit counts from the tail: say first what is published
			// already.
			l.forward(s)
			p.scan()
			if l.geo.Reliable && !before(s, p.limit) {
				p.full++
				ownerStore(p.words.full, p.full)
				return 0, ErrFull
			}
		}
		key := s - uint64(l.geo.Capacity)
		if owner := w.owner(); int(w.slot()) >= l.slots || owner != nobody && int(owner) >= len(l.ports) {
			return 0, fmt.Errorf("%w: entry at position %d names slot %d of port %d", ErrCorrupt, s, w.slot(), owner)
		} else if !p.may(w, key) {
			p.help(owner, key)
		}
		if p.swap(cell, w, s) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: no free entry found from position %d on", ErrCorrupt, s)
}

// may tells whether the entry w of position key names a slot and an owner that
// there are, and its owner needs no help before it is displaced.
func (p *Producer) may(w entry, key uint64) bool {
	owner := w.owner()
	return int(w.slot()) < p.lane.slots &&
		(owner == p.port || owner == nobody || int(owner) < len(p.seen) && before(key, p.seen[owner]))
}

// swap exchanges the slot of cell for that of entry w at position s, and books it.
// It returns false when somebody else came first.
func (p *Producer) swap(cell int, w entry, s uint64) bool {
	l, c := p.lane, &p.cells[cell]
	displaced := w.slot()
	failpoint.Hit(stepIntent)
	// Released by the CompareAndSwap below; read by helpers that have
	// seen that, and by recovery.
	ownerStore(p.words.intent, uint64(makeIntent(s, cell, displaced)))
	failpoint.Hit(stepExchange)
	// The event is published here, whole, or not at all. Our slot is the
	// ring's, the displaced one is ours. Pairs with the entry loads of
	// readers and producers.
	if !l.entries[s&l.mask].CompareAndSwap(uint64(w), uint64(makeEntry(s>>l.shift, p.port, makeRef(c.slot, c.tag)))) {
		p.known = 0
		p.lost++
		return false
	}
	failpoint.Hit(stepBook)
	key := s - uint64(l.geo.Capacity)
	*c = ownCell{key: key, slot: displaced}
	p.held--
	ownerStore(&p.words.cells[cell], uint64(makeCell(key, displaced)))
	// Mostly the next to be filled; readers have its lines.
	prefetch.WriteFront(l.slot(displaced), p.lines)
	p.at = s + 1
	p.published++
	ownerStore(p.words.published, p.published)
	return true
}

// expect returns the entry that holds the place of position s. It looks at a
// whole line of entries at a time and remembers them: to load an entry that a
// reader polls, just before it is exchanged, would take its line twice, once to
// look and once to write.
//
// What it remembers of an event at s or a later lap holds for ever. What it
// remembers of the lap before may have been displaced since: the exchange, which
// compares the whole word, finds out, and the intent for it was for nothing, as for
// any exchange that is lost. It never remembers past the end of a lap.
func (p *Producer) expect(s uint64) entry {
	if k := s - p.line; k < p.known {
		return entry(p.ahead[k])
	}
	l := p.lane
	p.line = s
	p.known = min(entriesPerLine-s%entriesPerLine, uint64(l.geo.Capacity)-s&l.mask)
	for k := range p.known {
		// Pairs with the CompareAndSwap in exchange, of whichever producer.
		p.ahead[k] = l.entries[(s+k)&l.mask].Load()
	}
	// Readers have the next line since the lap before.
	prefetch.AheadToWrite(&l.entries[(s+entriesPerLine)&l.mask])
	return entry(p.ahead[0])
}

const entriesPerLine = lineSize / 8

// help makes sure that port q, whose event at position pos is about to be
// displaced, can still be recovered: once the entry is gone, only the intent
// can say that the exchange took place. It comes before the exchange that
// displaces the entry.
func (p *Producer) help(q uint32, pos uint64) {
	failpoint.Hit(stepHelpIntent)
	word := p.lane.ports[q].intent
	// Pairs with the store in exchange: its entry was seen, so its intent is.
	x := intent(word.Load())
	if x.idle() {
		return
	}
	at := x.pos(pos)
	p.seen[q] = at
	if at == pos && !x.won() {
		// Failure is fine: the port has gone on by itself. Pairs with the
		// second look of recovery.
		word.CompareAndSwap(uint64(x), uint64(x.asWon()))
	}
}

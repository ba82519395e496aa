package ring

import (
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/prefetch"
)

// Reader reads a lane in place through one cursor. It belongs to one goroutine
// at a time.
//
// Its window is what it reads: Poll opens one, Slot reads from it, Advance
// gives its first events back, and the next Poll gives back the rest. Its cursor
// moves, and pins a whole window from there on, with Advance, when there is nothing
// to read, and when half of what it has pinned is used up, or an eighth of a lap:
// so much room a gate may hold back for events that have been given back.
type Reader struct {
	lane  *Lane
	index int
	words *cursorWords

	word   cursor // as this reader last stored it
	gated  bool   // wants the gate: reliable lane
	ahead  int    // how many positions a move pins
	keep   int    // Poll moves when no more of them are left
	pinned uint64 // position behind the last that the cursor pins
	pos    uint64 // first position of the window
	refs   []ref
	first  int // window is refs[first:width]
	width  int
	caught bool // the window ends where the lane did

	stop    atomic.Pointer[uint64] // where the lane ends for this reader; nil: nowhere
	evicted bool                   // has lost its gate, and has it again
	trusted uint64                 // evictions up to which it is known not to be far behind
	base    uint64                 // tail when it had it again
	lines   int                    // how many lines of each slot it asks for ahead
	newest  bool                   // where to go on after a gap
	owed    uint64                 // events before its position, for the next Poll to tell of

	received, missed, filtered, evictions uint64
}

// Reserve sets aside n pins of the lane's budget for cursor i, which the caller
// owns, in place of those that it has. When they are not to be had it returns
// ErrPinBudget and changes nothing.
func (l *Lane) Reserve(i, n int) error {
	if n < 1 || n > MaxPin {
		return fmt.Errorf("%w: %d wanted, must be 1 to %d", ErrPinBudget, n, MaxPin)
	}
	failpoint.Hit(stepJoinReserve)
	// Reserve first, then look: of two that overdraw together at least one
	// sees the other. Both may be refused; never both admitted.
	had := l.cursors[i].reserved.Swap(uint64(n))
	failpoint.Hit(stepJoinSum)
	if sum := l.Reserved(); sum > l.geo.Pins {
		l.cursors[i].reserved.Store(had)
		return fmt.Errorf("%w: %d wanted, %d of %d are reserved", ErrPinBudget, n, sum-n, l.geo.Pins)
	}
	return nil
}

// Reserved is how many pins of the budget are set aside.
func (l *Lane) Reserved() int {
	sum := uint64(0)
	for i := range l.cursors {
		sum += min(l.cursors[i].reserved.Load(), MaxPin)
	}
	return int(sum)
}

// Left is how many pins of the budget are left for cursor i, those that it has
// included.
func (l *Lane) Left(i int) int {
	return max(0, l.geo.Pins-l.Reserved()+int(min(l.cursors[i].reserved.Load(), MaxPin)))
}

// NewReader returns a reader on cursor i, which the caller owns and has
// reserved window pins for. It has no position before Join or Resume.
func (l *Lane) NewReader(i, window int) *Reader {
	w := &l.cursors[i]
	ahead := min(window, l.geo.Capacity)
	return &Reader{
		lane: l, index: i, words: w, gated: l.geo.Reliable,
		refs: make([]ref, window), lines: l.geo.ahead(usualBytes),
		ahead: ahead, keep: ahead - max(1, min(ahead-ahead/2, l.geo.Capacity/8)),
	}
}

// Poll gives back the window and opens a new one of up to max events, as far
// as they are published and pinned. It returns how many, and how many events were
// overwritten before this reader came to them. n is 0 when there is nothing new.
func (r *Reader) Poll(max int) (n int, missed uint64, err error) {
	missed = r.owed
	r.pos, r.first, r.width = r.Position(), 0, 0
	for range pollTries {
		if int(r.pinned-r.pos) <= r.keep {
			if err := r.move(r.pos); err != nil {
				return 0, missed, err
			}
		}
		failpoint.Hit(stepLook)
		var skip uint64
		if r.farBehind() {
			n, skip = 0, r.overrun(r.pos, r.lane.Tail()-1)
		} else {
			n, skip = r.look(0, max)
		}
		if n > 0 {
			failpoint.Hit(stepRead)
			r.width = n
			r.note(missed)
			return n, missed, nil
		}
		if skip == 0 {
			break
		}
		skip = r.reach(r.pos, skip)
		missed += skip
		r.pos += skip
		r.pinned = r.pos // pin anew; on a reliable lane that takes the gate again
	}
	r.note(missed)
	// Who waits holds no room back, and has pinned what will come.
	return 0, missed, r.move(r.pos)
}

// Next is Poll where that needs nothing but to look: the window is used up, more is
// pinned, and the event has come. Otherwise it does nothing and returns false, and
// Poll sees to the rest.
func (r *Reader) Next(max int) bool {
	l, pos := r.lane, r.Position()
	if int(r.pinned-pos) <= r.keep || r.owed != 0 || (!r.gated || r.evictions != r.trusted) && r.farBehind() {
		return false
	}
	failpoint.Hit(stepLook)
	// As in look.
	e := entry(l.entries[pos&l.mask].Load())
	if !e.ofLap(pos>>l.shift) || int(e.slot()) >= l.slots || r.reach(pos, 1) == 0 {
		return false
	}
	r.pos, r.first, r.width = pos, 0, 1
	r.refs[0] = e.ref()
	// All its lines at once; the processor would come to the second one late.
	prefetch.ReadSlots(l.bytes, r.refs[:1], slotMask, l.geo.SlotSize, r.lines)
	if pos++; max > 1 && entry(l.entries[pos&l.mask].Load()).ofLap(pos>>l.shift) {
		n, _ := r.look(1, max-1)
		r.width += n
	} else {
		r.caught = max > 1 // or nobody has looked
	}
	failpoint.Hit(stepRead)
	return true
}

// pollTries bounds how often one Poll may be overtaken.
const pollTries = 64

// look adds up to max events to a window that has held. All that it looks at is
// pinned: an event that is there after the pin stays there until the pin moves,
// since a producer that displaces it from now on scans after its exchange, and
// finds the pin. Pairs with Producer.scan. skip is how many positions to pass
// over because the first is not to be had.
func (r *Reader) look(held, max int) (n int, skip uint64) {
	l := r.lane
	from := r.pos + uint64(held)
	if max = min(max, int(r.pinned-from)); max > 0 {
		max = int(r.reach(from, uint64(max)))
	}
	refs := r.refs[held:]
	r.caught = false
	for n < max {
		at := from + uint64(n)
		lap := at >> l.shift
		first := int(at & l.mask)
		line := l.entries[first:min(first+max-n, len(l.entries))]
		for k := range line {
			// Pairs with the exchange of the producer: what it wrote into the
			// slot before is visible.
			e := entry(line[k].Load())
			if !e.ofLap(lap) || int(e.slot()) >= l.slots {
				if n == 0 {
					skip = r.unreadable(e, at)
				}
				max, r.caught = 0, true
				break
			}
			refs[n] = e.ref()
			n++
		}
	}
	if r.lines > 0 {
		// They lie anywhere, no hardware can guess where.
		prefetch.ReadSlots(l.bytes, refs[:n], slotMask, l.geo.SlotSize, r.lines)
	}
	return n, skip
}

// StopAt lets the lane end at pos for this reader: what is published there and
// behind, it neither reads nor misses. What its window holds already stays. It
// may be called by any goroutine.
func (r *Reader) StopAt(pos uint64) { r.stop.Store(&pos) }

// reach is how many of n positions from pos on lie before the stop.
func (r *Reader) reach(pos, n uint64) uint64 {
	stop := r.stop.Load()
	if stop == nil {
		return n
	}
	if !before(pos, *stop) {
		return 0
	}
	return min(n, *stop-pos)
}

// Expect says how many bytes of most events will be looked at, from the front of their
// slots on, so that they can be asked for ahead.
func (r *Reader) Expect(bytes int) { r.lines = r.lane.geo.ahead(bytes) }

// Bytes is Slot without the position. It panics, as slicing does, for an event
// that is not in the window.
func (r *Reader) Bytes(k int) []byte {
	size := r.lane.geo.SlotSize
	at := int(r.refs[:r.width][r.first+k].slot()) * size
	return r.lane.bytes[at : at+size : at+size]
}

// Run is the rest of a window, for who goes through it in one loop.
type Run struct {
	mem  []byte
	refs []ref
	size int
}

// Run returns the window from event k on. It is valid for as long as Slot is.
func (r *Reader) Run(k int) Run {
	return Run{r.lane.bytes, r.refs[r.first+k : r.width], r.lane.geo.SlotSize}
}

// Len is how many events there are.
func (u *Run) Len() int { return len(u.refs) }

// Bytes is the slot of event i. It panics, as slicing does, for one that is not there.
func (u *Run) Bytes(i int) []byte {
	at := int(u.refs[i].slot()) * u.size
	return u.mem[at : at+u.size : at+u.size]
}

// Slot returns event k of the window in place, and its position. It is valid
// until Advance has passed it, or Poll, or Leave.
func (r *Reader) Slot(k int) ([]byte, uint64) {
	if k < 0 || k >= r.width-r.first {
		panic(fmt.Sprintf("ring: event %d of a window of %d", k, r.width-r.first))
	}
	return r.lane.slot(r.refs[r.first+k].slot()), r.pos + uint64(k)
}

// Front is the position of the first event of the window.
func (r *Reader) Front() uint64 { return r.pos }

// Window is how many events of the window have not been given back.
func (r *Reader) Window() int { return r.width - r.first }

// Advance gives the first k events of the window back, at once: the cursor
// moves on, and the rest stays pinned.
func (r *Reader) Advance(k int) error {
	if k < 0 || k > r.Window() {
		panic(fmt.Sprintf("ring: advance by %d in a window of %d", k, r.Window()))
	}
	if k == 0 {
		return nil
	}
	if err := r.move(r.pos + uint64(k)); err != nil {
		return err
	}
	r.pos += uint64(k)
	r.first += k
	return nil
}

// Caught tells whether the window, as it was opened, ended where the lane did.
func (r *Reader) Caught() bool { return r.caught }

// Ready tells whether a Poll would find something. Unlike the other methods it
// may be called while the reader's own goroutine sleeps.
func (r *Reader) Ready() bool {
	pos := r.Position()
	d := entry(r.lane.entries[pos&r.lane.mask].Load()).ahead(pos >> r.lane.shift)
	return (d >= 0 || d < -1 && r.outslept(pos)) && r.reach(pos, 1) > 0
}

// Has tells whether n events or more have come that this reader has not polled, or have
// been overwritten meanwhile. It looks at the last of them alone.
func (r *Reader) Has(n int) bool {
	pos := r.Position() + uint64(n-1)
	return entry(r.lane.entries[pos&r.lane.mask].Load()).ahead(pos>>r.lane.shift) >= 0
}

// Watch is Ready, looked at up to so many times in a row. It is for who waits
// with a processor of its own.
func (r *Reader) Watch(looks int) bool {
	pos := r.Position()
	word, lap := &r.lane.entries[pos&r.lane.mask], pos>>r.lane.shift
	for range looks {
		if !entry(word.Load()).ofLap(lap - 1) {
			return r.reach(pos, 1) > 0
		}
	}
	return false
}

// Position is the next position that Poll would look at.
func (r *Reader) Position() uint64 { return r.pos + uint64(r.width-r.first) }

// Lag is how many events the lane holds that this reader has not polled.
func (r *Reader) Lag() uint64 {
	if d := int64(r.lane.Tail() - r.Position()); d > 0 {
		return uint64(d)
	}
	return 0
}

// Evictions counts how often this reader lost its gate.
func (r *Reader) Evictions() uint64 { return r.evictions }

// Evicted tells whether an event at pos that the last Poll has missed was lost to
// an eviction: the lane held nothing for this reader from when it lost its gate to
// the tail of when it had it again.
func (r *Reader) Evicted(pos uint64) bool {
	return r.gated && (!r.word.gated() || r.evicted && before(pos, r.base))
}

// move makes pos the cursor's position and pins as many positions from there on
// as a window can hold, published or not: the pin is there before the event, and
// costs nothing when it comes.
func (r *Reader) move(pos uint64) error {
	for range moveTries {
		next := makeCursor(pos, r.ahead, r.flagsAt(pos))
		if next == r.word {
			r.pinned = pos + uint64(r.ahead)
			return nil
		}
		failpoint.Hit(stepPin)
		// One word for position and pin. Pairs with Producer.scan. An
		// evictor is the only other writer; losing to it shows the eviction.
		// To take the gate again is a join behind the tail: nothing is lost
		// from the tail of that instant on.
		if r.words.word.CompareAndSwap(uint64(r.word), uint64(next)) {
			if next.gated() && !r.word.gated() {
				r.regained()
			}
			r.word, r.pinned = next, pos+uint64(r.ahead)
			failpoint.Hit(stepMove)
			if r.gated {
				r.lane.wakeRoom(r.index, pos)
			}
			return nil
		}
		r.word = cursor(r.words.word.Load())
	}
	return fmt.Errorf("%w: somebody else writes the cursor of reader %d", ErrCorrupt, r.index)
}

// moveTries bounds how often one move may lose the cursor to others. Once is all
// that evictors ever take.
const moveTries = 1000

func (r *Reader) note(missed uint64) {
	if missed > 0 {
		r.missed += missed
		ownerStore(r.words.missed, r.missed)
		r.told()
	}
}

// Delivered counts n events of the window as handed to the subscriber.
func (r *Reader) Delivered(n int) {
	r.received += uint64(n)
	ownerStore(r.words.received, r.received)
}

// Filtered counts n events of the window as not wanted by the subscriber.
func (r *Reader) Filtered(n int) {
	r.filtered += uint64(n)
	ownerStore(r.words.filtered, r.filtered)
}

// Leave gives the window, the cursor and its pins back.
func (r *Reader) Leave() {
	failpoint.Hit(stepLeave)
	r.lane.ClearCursor(r.index)
	r.pinned, r.first, r.width = r.pos, 0, 0
}

// Detach leaves the cursor at the first event of the window, or where Poll would
// look next, for Resume. It keeps the gate if the reader has it, and no pins.
func (r *Reader) Detach() {
	failpoint.Hit(stepLeave)
	r.lane.park(r.index, r.pos)
	r.pinned, r.first, r.width = r.pos, 0, 0
}

package ring

import (
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/prefetch"
)

// Extend adds up to max more events to the end of the window, as far as they are
// published and the reader has pins left, and returns how many. What the window
// holds already stays where it is. gap tells that the next event is overwritten:
// the whole window must be given back before Poll can count what was missed.
func (r *Reader) Extend(max int) (n int, gap bool, err error) {
	l := r.lane
	held := r.Window()
	max = min(max, len(r.slots)-held, l.geo.Capacity-held)
	if max > 0 {
		max = int(r.reach(r.Position(), uint64(max)))
	}
	if max <= 0 {
		return 0, false, nil
	}
	copy(r.slots, r.slots[r.first:r.width])
	// Pin first, then look: what is there after the pin stays there until the
	// pin moves, as in validate. Positions without an event cost nothing.
	if err := r.move(r.pos, held+max); err != nil {
		return 0, false, err
	}
	failpoint.Hit(stepValidate)
	for n < max {
		at := r.pos + uint64(held+n)
		// Pairs with the exchange of the producer, as in look.
		e := entry(l.entries[at&l.mask].Load())
		d := e.ahead(at >> l.shift)
		if d < 0 {
			break
		}
		if d > 0 || int(e.slot()) >= l.slots {
			gap = n == 0
			break
		}
		slot := l.slot(e.slot())
		prefetch.Read(slot)
		prefetch.Read(slot[min(lineSize, len(slot)-1):])
		r.slots[held+n] = e.slot()
		n++
	}
	r.width = held + n
	return n, gap, nil
}

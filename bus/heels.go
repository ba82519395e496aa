package bus

import (
	"time"

	"github.com/rvoip/shmbus/shm"
)

// heels is for a reader at its publisher's heels: one window after the other ends where
// the lane does, and when it has been handed out there is more. Then each of the two
// takes the lines that the other is about to use, for single events. Such a reader lets
// others run, and lingers if there is still little to read: with five subscribers on two
// processors, letting others run took 5.2 to 6.6 M events/s. To linger took one subscriber
// from 7.6 to 11 M events/s where a line takes 200 ns from one processor to the other, and
// from 21.6 to 23.7 where it takes 40 ns. Lanes whose events must not be late do
// neither.
//
// Who publishes what it receives itself, or is sent one event for each of its own, finds
// an event at every call, and more do not come; he lingers ever more rarely.
type heels struct {
	eases    bool // may do so
	caught   int  // windows in a row that ended where the lane did, though it had not ended
	patience patience
}

const (
	heelsAfter   = 2 // windows
	lingerEvents = 128
	lingerFor    = 10 * time.Microsecond
	lingerWorth  = 16 // events
	lingerPauses = 10 // between looks
)

// near tells whether the reader is at its publisher's heels, if the lane has not ended.
func (h *heels) near() bool { return h.caught >= heelsAfter && h.eases }

// learn takes note of whether it was worth while to linger.
func (h *heels) learn(worth bool) {
	h.patience.learn(worth)
	if h.caught = 0; worth {
		h.caught = heelsAfter - 1
	}
}

// linger waits a little for more events than one. The last of them, at which it looks, is
// on a line that the publisher has not come to, unless the lane is small.
func (l *subLane) linger() {
	most := max(1, l.lane.Geometry().Capacity/8)
	n := min(lingerEvents, most)
	for until := shm.Now() + int64(lingerFor); !l.reader.Has(n) && shm.Now() < until; {
		shm.Pause(lingerPauses)
	}
	l.heels.learn(l.reader.Has(min(lingerWorth, most)))
}

package bus

import (
	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
)

// stocked tells whether the window has an event that was not handed out, opening the
// next one if that takes no more than a look.
func (s *Subscription) stocked(l *subLane) bool {
	if l.next < l.reader.Window() {
		return true
	}
	if l.heels.near() && !s.polls {
		if !l.reader.Ready() {
			l.heels.caught = 0
			return false
		}
		if l.heels.patience.due() {
			s.bus.yield()
			l.linger()
		}
	}
	if !l.reader.Next(ring.MaxPin) {
		l.heels.caught = 0
		return false
	}
	l.next = 0
	if l.reader.Caught() {
		l.heels.caught++
	} else {
		l.heels.caught = 0
	}
	return true
}

// countHanded counts what a stretch has handed out.
func (s *Subscription) countHanded() {
	n := s.lanes[0].next - s.handed
	s.handed = noStretch
	s.lanes[0].reader.Delivered(n)
	if i := uint(s.single) - 1; i < uint(len(s.counts.delivered)) {
		word.OwnerAdd(&s.counts.delivered[i], uint64(n)) // not of a static ring, see addCounts
	}
}

// noStretch is no index of a window.
const noStretch = -1

package ring_test

import (
	"fmt"
	"slices"

	"github.com/rvoip/shmbus/ring"
)

// seen is an event at the position where it was published or read.
type seen struct {
	pos uint64
	event
}

// life is what one reader saw between joining and leaving.
type life struct {
	who      string
	from, to uint64 // positions of its first look and its last
	tail     uint64 // the lane's tail just after it had joined
	events   []seen
	received uint64
	missed   uint64
	evicted  bool
}

// account is what producers and readers of a run say they did. Each of them
// keeps its own part, so that the account orders nothing that the lane should.
type account struct {
	geo         ring.Geometry
	start, tail uint64
	published   [][]seen // by producer
	lives       []life
}

// check compares what was published with what was read:
//
//  1. The accepted events lie at the positions from start to tail, one at each.
//  2. The events of a producer are in its order.
//  3. Readers agree with the producers on what lies at each position, so that
//     all see one order, and no event twice.
//  4. received + missed is all that was published between joining and leaving.
//  5. On a reliable lane a reader that was not evicted misses nothing that was
//     published after it had joined.
func (a *account) check() error {
	n := a.tail - a.start
	at := make([]event, n)
	known := make([]bool, n)
	for i, log := range a.published {
		if !slices.IsSortedFunc(log, func(x, y seen) int { return int(int64(x.pos-a.start) - int64(y.pos-a.start)) }) {
			return fmt.Errorf("producer %d: positions are not in the order of its events", i)
		}
		for k, s := range log {
			if s.seq != uint64(k) {
				return fmt.Errorf("producer %d: event %d of its log is %d", i, k, s.seq)
			}
			j := s.pos - a.start
			if j >= n {
				return fmt.Errorf("%v was accepted at position %d, outside [%d, %d)", s.event, s.pos, a.start, a.tail)
			}
			if known[j] {
				return fmt.Errorf("position %d was given to %v and to %v", s.pos, at[j], s.event)
			}
			at[j], known[j] = s.event, true
		}
	}
	if i := slices.Index(known, false); i >= 0 {
		return fmt.Errorf("nobody published position %d", a.start+uint64(i))
	}
	for _, l := range a.lives {
		if err := a.checkLife(l, at); err != nil {
			return fmt.Errorf("%s, positions [%d, %d): %w", l.who, l.from, l.to, err)
		}
	}
	return nil
}

func (a *account) checkLife(l life, at []event) error {
	next := l.from
	for _, s := range append(l.events, seen{pos: l.to}) {
		if gap := int64(s.pos - next); gap < 0 {
			return fmt.Errorf("position %d after %d", s.pos, next-1)
		} else if gap > 0 && a.geo.Reliable && !l.evicted && int64(s.pos-l.tail) > 0 {
			return fmt.Errorf("missed [%d, %d), though it joined at %d and was not evicted", next, s.pos, l.tail)
		}
		next = s.pos + 1
		if s.pos == l.to {
			break
		}
		if j := s.pos - a.start; j >= uint64(len(at)) || at[j] != s.event {
			return fmt.Errorf("read %v at position %d", s.event, s.pos)
		}
	}
	if uint64(len(l.events)) != l.received || l.received+l.missed != l.to-l.from {
		return fmt.Errorf("%d events, received %d + missed %d of %d", len(l.events), l.received, l.missed, l.to-l.from)
	}
	return nil
}

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
	accepted    map[uint32]uint64 // by producer: events 0 to n-1 were accepted
	published   []seen            // where they went, as far as producers were told
	lives       []life
}

// check compares what was published with what was read:
//
//  1. All accepted events lie at the positions from start to tail, one at each.
//  2. The events of a producer are in its order, and none is there twice.
//  3. Everybody agrees on what lies at a position: all see one order.
//  4. received + missed is all that was published between joining and leaving.
//  5. On a reliable lane a reader that was not evicted misses nothing that was
//     published after it had joined. (One such reader sees the whole run.)
func (a *account) check() error {
	n := a.tail - a.start
	total := uint64(0)
	for _, k := range a.accepted {
		total += k
	}
	if n != total {
		return fmt.Errorf("%d events were accepted, the tail moved by %d", total, n)
	}
	at := make([]event, n)
	known := make([]bool, n)
	put := func(s seen) error {
		j := s.pos - a.start
		if j >= n {
			return fmt.Errorf("%v lies at position %d, outside [%d, %d)", s.event, s.pos, a.start, a.tail)
		}
		if known[j] && at[j] != s.event {
			return fmt.Errorf("position %d is that of %v and of %v", s.pos, at[j], s.event)
		}
		at[j], known[j] = s.event, true
		return nil
	}
	for _, s := range a.published {
		if err := put(s); err != nil {
			return fmt.Errorf("published: %w", err)
		}
	}
	for _, l := range a.lives {
		if err := a.checkLife(l); err != nil {
			return fmt.Errorf("%s, positions [%d, %d): %w", l.who, l.from, l.to, err)
		}
		for _, s := range l.events {
			if err := put(s); err != nil {
				return fmt.Errorf("%s: %w", l.who, err)
			}
		}
	}
	next := map[uint32]uint64{}
	for j, e := range at {
		if !known[j] {
			if a.geo.Reliable {
				return fmt.Errorf("nobody knows position %d of a reliable lane", a.start+uint64(j))
			}
			continue
		}
		if want := next[e.producer]; e.seq < want || a.geo.Reliable && e.seq > want || e.seq >= a.accepted[e.producer] {
			return fmt.Errorf("position %d holds %v, after event %d of the same producer, of %d",
				a.start+uint64(j), e, int64(want)-1, a.accepted[e.producer])
		}
		next[e.producer] = e.seq + 1
	}
	return nil
}

func (a *account) checkLife(l life) error {
	next := l.from
	for _, s := range append(slices.Clip(l.events), seen{pos: l.to}) {
		if gap := int64(s.pos - next); gap < 0 {
			return fmt.Errorf("position %d after %d", s.pos, next-1)
		} else if gap > 0 && a.geo.Reliable && !l.evicted && int64(s.pos-l.tail) > 0 {
			return fmt.Errorf("missed [%d, %d), though it joined at %d and was not evicted", next, s.pos, l.tail)
		}
		next = s.pos + 1
	}
	if uint64(len(l.events)) != l.received || l.received+l.missed != l.to-l.from {
		return fmt.Errorf("%d events, received %d + missed %d of %d", len(l.events), l.received, l.missed, l.to-l.from)
	}
	return nil
}

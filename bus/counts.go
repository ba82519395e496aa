package bus

import (
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/word"
)

// The counters of types, in the region for all to see:
//
//	publish counts   of each port: published, full and wakeups, a u64 for each type
//	receive counts   of each subscriber record: delivered and filtered, a u64 for each type
//
// Each is written by one goroutine at a time, that which has the port or the
// subscription, after its event, without a fence. They are never cleared, so that
// sums over all that ever were do not fall. Recovery leaves them alone: a process
// that is killed between an event and its count leaves it uncounted, and of a batch
// that is received what it was handed since the call began, a window at most.
type publishCounts struct{ published, full, wakeups []atomic.Uint64 }

type receiveCounts struct{ delivered, filtered []atomic.Uint64 }

// publishCountsSize is the size of the counts of one port, in bytes.
func publishCountsSize(types int) int { return (3*8*types + 127) &^ 127 }

// receiveCountsSize is the size of the counts of one subscriber record, in bytes.
func receiveCountsSize(types int) int { return (2*8*types + 127) &^ 127 }

func bindPublishCounts(mem []byte, off, types int) publishCounts {
	return publishCounts{
		published: word.U64s(mem, off, types), full: word.U64s(mem, off+8*types, types),
		wakeups: word.U64s(mem, off+16*types, types),
	}
}

func bindReceiveCounts(mem []byte, off, types int) receiveCounts {
	return receiveCounts{delivered: word.U64s(mem, off, types), filtered: word.U64s(mem, off+8*types, types)}
}

// count adds an event of type t to one of the counts by type. What is no type
// of the region, which only a hostile process publishes, is not counted.
func count(by []atomic.Uint64, t TypeID) {
	if i := uint(t) - 1; i < uint(len(by)) {
		word.OwnerAdd(&by[i], 1)
	}
}

// tally is what a publisher counts through one seat. Each lies on a line of its
// own, since seats are used at the same time.
type tally struct {
	published, wakeups atomic.Uint64
	_                  [word.LineSize - 16]byte
}

// accepted wakes the subscriptions that sleep and care for n events of one lane
// that a seat, which is locked, has just published, and counts them.
func (p *publisher) accepted(s *seat, lane, n int, priority Priority) {
	woke := uint64(0)
	if p.bus.region.bell.Ring(p.levels[priority].bit) {
		woke = 1
	}
	p.tally(s, lane, uint64(n), woke)
}

// tally counts n events of one lane, and how many of them woke somebody. The seat is
// locked.
func (p *publisher) tally(s *seat, lane int, n, woke uint64) {
	s.way.run += int(n)
	mine, i := &p.tallies[lane*p.bus.opts.PortsPerLane+s.number], p.typ.id-1
	word.OwnerAdd(&mine.published, n)
	word.OwnerAdd(&s.counts.published[i], n)
	if woke > 0 {
		word.OwnerAdd(&mine.wakeups, woke)
		word.OwnerAdd(&s.counts.wakeups[i], woke)
	}
}

// ringKey wakes the subscriptions that sleep and care for the key of an event
// that a seat, which is locked, has just published.
func (p *publisher) ringKey(s *seat, lane int, key uint64) {
	if key != 0 && p.bus.region.bell.RingKey(key) {
		word.OwnerAdd(&p.tallies[lane*p.bus.opts.PortsPerLane+s.number].wakeups, 1)
		word.OwnerAdd(&s.counts.wakeups[p.typ.id-1], 1)
	}
}

// failed counts an event that a seat, which is locked, found no room for, and
// explains other failures.
func (p *publisher) failed(s *seat, err error) error {
	err = s.explain(err)
	if err == ErrFull {
		count(s.counts.full, p.typ.id)
	}
	return err
}

// addCounts adds up the counters of types: for each type of the list, and for the
// lanes of the region.
func (r *region) addCounts(types []TypeInfo, lanes []LaneInfo) {
	for i, l := range r.lanes {
		for port := range l.counts {
			if !l.PortUsed(port) {
				continue
			}
			c := &l.counts[port]
			for j := range types {
				t := &types[j]
				t.Published += c.published[t.ID-1].Load()
				t.Full += c.full[t.ID-1].Load()
				wakeups := c.wakeups[t.ID-1].Load()
				t.Wakeups += wakeups
				lanes[i].Wakeups += wakeups
			}
		}
	}
	for i := range r.subscribers {
		c := &r.subscribers[i].counts
		for j := range types {
			t := &types[j]
			t.Delivered += c.delivered[t.ID-1].Load()
			t.Filtered += c.filtered[t.ID-1].Load()
		}
	}
	if r.geo.static.is() && len(types) > 0 {
		// It has one type, and counts without looking at it.
		t, l := &types[0], &lanes[0]
		t.Published, t.Delivered, t.Full = l.Published, l.Delivered, l.Full
	}
}

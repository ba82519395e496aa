package bus

import (
	"sync"
	"time"

	"github.com/rvoip/shmbus/ring"
)

// gatekeeper looks at what holds a full reliable lane back: it recovers
// subscribers whose process has died, and evicts those that have not moved for
// longer than the lane allows, or that no process has and that hold back more
// than they may. The time says who is evicted, never who is dead.
type gatekeeper struct {
	mu    sync.Mutex
	last  int64
	gates []ring.Gate
	held  []heldGate // as of the last look
	next  []heldGate // its memory is used again
}

type heldGate struct {
	gate   ring.Gate
	state  uint64 // of the subscription's record
	stated bool   // it said for how long it is waited for while no process has it
	since  int64
}

// gateEvery is how often the gates of a full lane are looked at.
const gateEvery = int64(time.Millisecond)

// check is called by producers that find no room. It reports whether it has made
// some, perhaps. now is in ns of shm.Now.
func (g *gatekeeper) check(l *laneUse, now int64) (made bool) {
	if !g.mu.TryLock() {
		return false // somebody else is looking
	}
	defer g.mu.Unlock()
	if now-g.last < gateEvery {
		return false
	}
	g.last = now
	after := int64(l.bus.region.geo.Lane(l.priority).EvictAfter)
	capacity := l.Geometry().Capacity
	g.gates = l.Gates(g.gates[:0])
	g.next = g.next[:0]
	for _, gate := range g.gates {
		rec := &l.bus.region.subscribers[gate.Reader]
		// What recovery clears is no gate any more. What is left of a durable
		// subscription waits for its next process, as long as it may.
		if l.bus.recoverIfDead(subState(rec.state.Load()).owner()) {
			made = true
		}
		// Time for which it said that it is waited for is none in which it stood
		// still: whoever takes it over has the whole EvictAfter to move.
		state, since := rec.state.Load(), now
		if h, ok := g.heldAs(gate); ok && (h.state == state || !h.stated) {
			since = h.since
		}
		if rec.overdue(now, since, after, capacity) && l.Evict(gate.Reader, gate) {
			made = true
			continue
		}
		g.next = append(g.next, heldGate{gate, state, rec.states(), since})
	}
	g.held, g.next = g.next, g.held
	return made
}

// heldAs returns the gate as it was when it was last looked at, if it has not
// moved since.
func (g *gatekeeper) heldAs(gate ring.Gate) (heldGate, bool) {
	for _, h := range g.held {
		if h.gate.Same(gate) {
			return h, true
		}
	}
	return heldGate{}, false
}

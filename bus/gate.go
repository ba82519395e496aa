package bus

import (
	"sync"
	"time"

	"github.com/rvoip/shmbus/ring"
)

// gatekeeper looks at what holds a full reliable lane back: it recovers
// subscribers whose process has died, and evicts those that have not moved for
// longer than the lane allows. The time says who is evicted, never who is dead.
type gatekeeper struct {
	mu   sync.Mutex
	last int64
	held map[int]heldGate
}

type heldGate struct {
	gate  ring.Gate
	since int64
}

// gateEvery is how often the gates of a full lane are looked at.
const gateEvery = int64(time.Millisecond)

// check is called by producers that find no room. now is in ns of shm.Now.
func (g *gatekeeper) check(l *laneUse, now int64) {
	if !g.mu.TryLock() {
		return // somebody else is looking
	}
	defer g.mu.Unlock()
	if now-g.last < gateEvery {
		return
	}
	g.last = now
	after := int64(l.bus.region.geo.Lane(l.priority).EvictAfter)
	held := make(map[int]heldGate)
	for _, gate := range l.Gates() {
		owner := subState(l.bus.region.subscribers[gate.Reader].state.Load()).owner()
		if l.bus.recoverIfDead(owner) {
			continue
		}
		h, ok := g.held[gate.Reader]
		if !ok || h.gate != gate {
			h = heldGate{gate, now}
		}
		if after >= 0 && now-h.since >= after && l.Evict(gate.Reader, gate) {
			continue
		}
		held[gate.Reader] = h
	}
	g.held = held
}

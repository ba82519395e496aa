package bus

import (
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/shm"
)

// contention is for publishers of one lane that get in each other's way: every event takes the
// line of entries from the other's processor, and now and then the entry that the other
// was about to take. Who loses two of them within a few events steps back, for so long
// that the other publishes some dozens; see docs/design.md for what that moves. It is for
// events one by one and small batches: losses are looked at once a call.
//
// Who publishes in turn with somebody, each after the other, loses an entry each time,
// since it remembers what they were, and nobody makes use of it if he steps back; he has
// ever more patience. Lanes whose events must not be late do without.
type contention struct {
	lost     uint64 // by the seat's producer, when last looked at
	at       uint64 // position at which it lost the last one, or stepped back
	stepped  bool
	verdict  atomic.Int32 // on the last step, by who made it, who has not the lock then
	patience patience
}

const (
	contentionWithin = 32 // events of the lane
	stepFor          = 5 * time.Microsecond
	stepWorth        = 16 // events of others meanwhile
)

// Verdicts; 0 is that there is none yet.
const (
	stepInVain = 1 + iota
	stepUsed
)

// lose takes note of entries lost, and tells whether to step back. s.mu is held.
func (s *seat) lose(lost uint64) bool {
	c := &s.contention
	c.lost = lost
	last, now := c.at, s.prod.Next()
	if c.stepped {
		if v := c.verdict.Load(); v != 0 {
			c.stepped = false
			c.patience.learn(v == stepUsed)
		}
		c.at = now - contentionWithin // to come back is to lose an entry
		return false
	}
	c.at = now
	if now-last >= contentionWithin || s.use.priority < Normal || !c.patience.due() {
		return false
	}
	c.stepped = true
	c.verdict.Store(0)
	return true
}

// stepBack lets others have the lane, from position at on.
func (s *seat) stepBack(at uint64) {
	for until := shm.Now() + int64(stepFor); shm.Now() < until; {
		shm.Pause(lingerPauses)
	}
	s.judge(at)
}

// judge tells whether others have made use of it.
func (s *seat) judge(at uint64) {
	verdict := int32(stepInVain)
	_ = s.use.bus.guarded(func() error { // the bus may have been closed since
		if d := int64(s.use.Tail() - at); d > stepWorth {
			verdict = stepUsed
		}
		return nil
	})
	s.contention.verdict.Store(verdict)
}

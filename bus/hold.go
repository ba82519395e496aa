package bus

import (
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/shm"
)

// HoldPolicy says what becomes of a durable subscription that no process has,
// once it has held back what it may.
type HoldPolicy uint8

const (
	// HoldEvict lets publishers go on: it is evicted. It loses what is
	// overwritten from then on, and its next process learns exactly how much.
	HoldEvict HoldPolicy = iota
	// HoldBlock makes publishers wait until a process has it again, or until
	// RemoveDurable forgets it, however long that takes.
	HoldBlock
)

func (p HoldPolicy) String() string {
	switch p {
	case HoldEvict:
		return "evict"
	case HoldBlock:
		return "block"
	}
	return fmt.Sprintf("hold policy(%d)", uint8(p))
}

// hold is how much a durable subscription may hold back while no process has it,
// in one word of its record, so that it is replaced at once. Any word is a valid
// one.
//
//	63 ── patience, µs (45) ── 19 │ 18 block │ 17 ── events (18) ── 0
type hold uint64

const (
	holdEventsBits = 18
	holdBlock      = 1 << holdEventsBits
	holdTimeShift  = holdEventsBits + 1
	maxHoldEvents  = 1<<holdEventsBits - 1
	maxHoldTime    = 1<<(64-holdTimeShift) - 1
)

func makeHold(o *SubscribeOptions) hold {
	h := hold(min(o.HoldEvents, maxHoldEvents))
	// Rounded up: what is short is not nothing.
	us := uint64(o.HoldFor / time.Microsecond)
	if o.HoldFor%time.Microsecond > 0 {
		us++
	}
	h |= hold(min(us, maxHoldTime) << holdTimeShift)
	if o.HoldPolicy == HoldBlock {
		h |= holdBlock
	}
	return h
}

// events is how many it may hold back on a lane, 0 for a whole lap.
func (h hold) events() uint64 { return uint64(h) & maxHoldEvents }

// patience is how long after its process went, 0 for as long as the lane says.
func (h hold) patience() time.Duration {
	return time.Duration(h>>holdTimeShift) * time.Microsecond
}

func (h hold) policy() HoldPolicy {
	if h&holdBlock != 0 {
		return HoldBlock
	}
	return HoldEvict
}

// checkHold tells what is wrong with how much a subscription may hold back.
func (o *SubscribeOptions) checkHold() error {
	switch {
	case o.HoldEvents == 0 && o.HoldFor == 0 && o.HoldPolicy == HoldEvict:
		return nil
	case o.Durable == "" && o.Group == "":
		return fmt.Errorf("%w: HoldEvents, HoldFor and HoldPolicy are for a Durable subscription, or a Group", ErrOptions)
	case o.HoldFor < 0:
		return fmt.Errorf("%w: HoldFor is %v, must not be negative; HoldPolicy: HoldBlock is for ever", ErrOptions, o.HoldFor)
	case o.HoldPolicy > HoldBlock:
		return fmt.Errorf("%w: HoldPolicy is %d", ErrOptions, o.HoldPolicy)
	case o.HoldPolicy == HoldBlock && o.HoldFor != 0:
		return fmt.Errorf("%w: HoldBlock is for as long as it takes, HoldFor is %v; use HoldEvict", ErrOptions, o.HoldFor)
	}
	return nil
}

// setHold writes down how much a subscription may hold back once its process has
// gone. Its owner calls it.
func (rec *subscriberRecord) setHold(o *SubscribeOptions) {
	failpoint.Hit(stepSubHold)
	rec.hold.Store(uint64(makeHold(o)))
}

// leave limits what record i holds back on its lanes, now that its process goes or has
// gone, at time since. It may be killed anywhere and started over.
func (r *region) leave(i int, since int64) {
	rec := &r.subscribers[i]
	failpoint.Hit(stepSubAway)
	rec.since.Store(uint64(since))
	h, has := hold(rec.hold.Load()), rec.lanes.Load()
	for n, l := range r.lanes {
		if has>>n&1 != 0 && l.Geometry().Reliable {
			l.Hold(i, h.events())
		}
	}
}

// away tells since when no process has had a durable subscription, in ns of Now,
// and how much it may hold back meanwhile. It returns false for any other.
func (rec *subscriberRecord) away() (h hold, since int64, ok bool) {
	s := rec.state.Load()
	if subState(s).state() != subDetached {
		return 0, 0, false
	}
	h, since = hold(rec.hold.Load()), int64(rec.since.Load())
	// Again, since the record may have begun another life.
	return h, since, rec.state.Load() == s
}

// states tells whether the subscription says itself for how long publishers wait
// while no process has it.
func (rec *subscriberRecord) states() bool {
	h := hold(rec.hold.Load())
	return h.policy() == HoldBlock || h.patience() > 0
}

// overdue tells whether publishers that find no room on a lane of that capacity
// need not wait any longer for the subscription, which has not moved since seen.
// after is what the lane allows, negative for ever.
func (rec *subscriberRecord) overdue(now, seen, after int64, capacity int) bool {
	h, since, away := rec.away()
	if away {
		patience := int64(h.patience())
		switch {
		case h.policy() == HoldBlock:
			return false
		case h.events() > 0 && h.events() <= uint64(capacity):
			return true // they are so far ahead of it
		case patience > 0:
			// What lies in the future was written by another clock, or by
			// somebody hostile.
			if since < 0 || since > now {
				since = seen
			}
			return now-since >= patience
		}
	}
	return after >= 0 && now-seen >= after
}

// holdInfo describes what a durable subscription may hold back.
func (rec *subscriberRecord) holdInfo() *HoldInfo {
	if rec.durable.get() == "" {
		return nil
	}
	h := hold(rec.hold.Load())
	info := &HoldInfo{Policy: h.policy().String(), Events: h.events(), For: h.patience()}
	if _, since, away := rec.away(); away {
		if now := shm.Now(); since >= 0 && since < now {
			info.Away = time.Duration(now - since)
		}
	}
	return info
}

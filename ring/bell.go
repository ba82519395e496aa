package ring

import (
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/word"
)

// AllBits is the mask that every sleeper answers to.
const AllBits = ^uint32(0)

// Bell wakes sleepers that care, in one call, and costs a publisher one load
// while nobody who cares is asleep. It is two words: who cares, and how often it
// was rung. It is safe for concurrent use.
//
//	sleeper:   count; interest |= mask; look at the lanes; wait while count
//	publisher: exchange; interest; if it has the bit: clear it, count + 1, wake
//
// The waker clears the bit, so that one publish pays and not each. A waker that
// dies between the clear and the wake loses a wake: sleepers bound their wait.
type Bell struct {
	interest, count *atomic.Uint32
	parker          Parker
}

// BellSize is the number of bytes of a bell. It should lie on lines of its own.
const BellSize = spacing

// NewBell binds to a bell in mem, which must hold zeros when first used.
func NewBell(mem []byte, parker Parker) *Bell {
	return &Bell{interest: word.U32(mem, 0), count: word.U32(mem, 4), parker: parker}
}

// Ticket is the count that a sleeper waits to change.
type Ticket uint32

// Arm announces a sleeper that cares for the bits of mask. The caller looks at
// its lanes after Arm, and sleeps only if there is nothing.
func (b *Bell) Arm(mask uint32) Ticket {
	t := Ticket(b.count.Load())
	failpoint.Hit(stepBellArm)
	// Pairs with the load in Ring: either the publisher sees the interest, or
	// the look at the lanes that follows sees the event.
	b.interest.Or(mask)
	return t
}

// Sleep waits until the bell is rung with a bit of mask after the ticket was
// drawn, or the deadline (monotonic ns, see Parker). ready looks at the lanes;
// other goroutines may call it during Sleep. Sleep may return early: look again.
func (b *Bell) Sleep(t Ticket, mask uint32, deadline int64, ready func() bool) error {
	failpoint.Hit(stepBellWait)
	return b.parker.Park(word.Futex(b.count), uint32(t), mask, deadline, ready)
}

// Ring wakes the sleepers that care for bit, and tells whether there were any to
// be woken. The event is published already.
func (b *Bell) Ring(bit uint32) bool {
	// Pairs with the Or in Arm.
	return b.interest.Load()&bit != 0 && b.ring(bit)
}

func (b *Bell) ring(bit uint32) bool {
	failpoint.Hit(stepBellClear)
	if b.interest.And(^bit)&bit == 0 {
		return false // another publisher is waking them
	}
	b.Wake(bit)
	return true
}

// Wake wakes the sleepers whose mask has one of bits, whether they have
// announced themselves or not.
func (b *Bell) Wake(bits uint32) {
	failpoint.Hit(stepBellCount)
	// Before the wake: a sleeper that has not begun to wait will see the
	// count changed and not sleep.
	b.count.Add(1)
	failpoint.Hit(stepBellWake)
	_ = b.parker.Wake(word.Futex(b.count), bits)
}

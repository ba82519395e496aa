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
//
// Who cares for single keys has a bit for each in a table of its own, into which
// keys are folded, and goes by the same steps.
type Bell struct {
	interest, count *atomic.Uint32
	keys            []atomic.Uint64
	parker          Parker
}

const (
	// keyWords is large enough that few of a thousand keys in use share a bit.
	keyWords = 64
	keyShift = 64 - 12 // the number of its bits is 1 << 12

	// BellSize is the number of bytes of a bell. It should lie on lines of its own.
	BellSize = spacing + 8*keyWords
	// KeyBit is what sleepers that care for keys wait with. It may not be used
	// with Ring.
	KeyBit = uint32(1) << 31
)

// NewBell binds to a bell in mem, which must hold zeros when first used.
func NewBell(mem []byte, parker Parker) *Bell {
	return &Bell{
		interest: word.U32(mem, 0), count: word.U32(mem, 4), keys: word.U64s(mem, spacing, keyWords),
		parker: parker,
	}
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

// ArmKeys announces a sleeper that cares for events of these keys alone. It sleeps
// with KeyBit. The caller looks at its lanes after ArmKeys, and sleeps once it has
// come to a place where nothing is published, having found nothing of these keys.
func (b *Bell) ArmKeys(keys []uint64) Ticket {
	t := Ticket(b.count.Load())
	failpoint.Hit(stepBellArm)
	for _, k := range keys {
		// Pairs with the load in RingKey, as in Arm.
		w, bit := b.keyed(k)
		w.Or(bit)
	}
	return t
}

// keyed is the place of a key in the table (Fibonacci hashing, Knuth 6.4).
func (b *Bell) keyed(key uint64) (*atomic.Uint64, uint64) {
	h := key * 0x9e3779b97f4a7c15 >> keyShift
	return &b.keys[h/64%keyWords], 1 << (h % 64)
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

// RingKey wakes the sleepers that care for the key, and tells whether there were
// any to be woken. The event is published already.
func (b *Bell) RingKey(key uint64) bool {
	// Pairs with the Or in ArmKeys.
	w, bit := b.keyed(key)
	return w.Load()&bit != 0 && b.ringKey(w, bit)
}

func (b *Bell) ringKey(w *atomic.Uint64, bit uint64) bool {
	failpoint.Hit(stepBellClear)
	if w.And(^bit)&bit == 0 {
		return false // another publisher is waking them
	}
	b.Wake(KeyBit)
	return true
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

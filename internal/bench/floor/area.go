package floor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	line  = 128 // bytes; two cache lines, since processors fetch them in pairs
	slots = 1024

	offStep  = 0 * line
	offAck   = 1 * line
	offLine  = 2 * line
	offWakeA = 3 * line
	offWakeB = 4 * line
	offRingA = 5 * line
	ringHead = 2 * line // of a ring: tail, head, then slots
)

// ErrDamaged is returned when an event of a floor arrived with wrong bytes.
var ErrDamaged = errors.New("floor: an event arrived with wrong bytes")

func stride(size int) int { return (size + 63) &^ 63 }

// Size is how many bytes of shared memory the floors of o need. They must be
// zero when the two processes begin.
func Size(o Options) int {
	return offRingA + 2*(ringHead+slots*stride(o.filled().Size))
}

// area is the shared memory as one process sees it.
type area struct {
	o            Options
	step, ack    *atomic.Uint64
	line         *atomic.Uint64
	wakeA, wakeB *uint32
	there, back  ring
	ctx          context.Context
	futexP99     float64 // of the leader
}

func newArea(ctx context.Context, mem []byte, o Options) (*area, error) {
	o = o.filled()
	if len(mem) < Size(o) {
		return nil, fmt.Errorf("floor: %d bytes of memory, need %d", len(mem), Size(o))
	}
	second := offRingA + ringHead + slots*stride(o.Size)
	return &area{
		o:     o,
		step:  word64(mem, offStep),
		ack:   word64(mem, offAck),
		line:  word64(mem, offLine),
		wakeA: word32(mem, offWakeA),
		wakeB: word32(mem, offWakeB),
		there: newRing(mem[offRingA:second], o.Size),
		back:  newRing(mem[second:], o.Size),
		ctx:   ctx,
	}, nil
}

// open lets the echo begin step n, and waits until it has.
func (a *area) open(n uint64) error {
	a.step.Store(n) // pairs with the load in follow
	return a.until(func() bool { return a.ack.Load() == n })
}

// follow waits for step n to be opened and acknowledges it.
func (a *area) follow(n uint64) error {
	err := a.until(func() bool { return a.step.Load() == n })
	a.ack.Store(n) // pairs with the load in open
	return err
}

// until is for the time between steps: it does not keep a processor busy.
func (a *area) until(done func() bool) error {
	for !done() {
		if err := a.ctx.Err(); err != nil {
			return context.Cause(a.ctx)
		}
		time.Sleep(20 * time.Microsecond)
	}
	return nil
}

// spinsBeforeRest is about a millisecond. Peers on processors of their own
// never get there; peers that share one do, and must let go of it.
const spinsBeforeRest = 1 << 20

// rest is called in each round of a spin and counts them in n. It tells whether
// to go on.
func (a *area) rest(n *int) bool {
	if *n++; *n < spinsBeforeRest {
		return true
	}
	*n = 0
	time.Sleep(time.Microsecond)
	return a.ctx.Err() == nil
}

package floor

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/shm"
)

// Fan is a bare ring of one writer and some readers, each of whom reads all: what one
// event to many costs without anything around it. It loses nothing, and knows no
// second writer, no crash, no sleep: who waits lets other threads run. What it tells
// is a mean, over the whole budget.
type Fan struct {
	a       area
	tail    *atomic.Uint64
	cursors []*atomic.Uint64 // one more than the position; 0 is nobody yet
	slots   []byte
	mask    uint64
}

const (
	// fanWindow is how many events a reader looks at before it gives them back.
	fanWindow = 64
	fanStop   = 1 << 63 // of the tail: nothing comes behind it
)

// FanSize is how many bytes of shared memory a fan needs, zero at first. capacity is a
// power of two, of at least two batches.
func FanSize(o Options, readers, capacity int) int {
	return (1+readers)*line + capacity*stride(o.filled().Size)
}

// NewFan returns one end of the fan on mem.
func NewFan(ctx context.Context, mem []byte, o Options, readers, capacity int) (*Fan, error) {
	o = o.filled()
	if capacity < 2*o.Batch || capacity&(capacity-1) != 0 || len(mem) < FanSize(o, readers, capacity) {
		return nil, fmt.Errorf("floor: a fan of %d events and %d readers in %d bytes of memory", capacity, readers, len(mem))
	}
	f := &Fan{a: area{o: o, ctx: ctx}, tail: word64(mem, 0), slots: mem[(1+readers)*line:], mask: uint64(capacity - 1)}
	for i := range readers {
		f.cursors = append(f.cursors, word64(mem, (1+i)*line))
	}
	return f, nil
}

func (f *Fan) slot(pos uint64) []byte {
	off := int(pos&f.mask) * stride(f.a.o.Size)
	return f.slots[off : off+f.a.o.Size]
}

func (f *Fan) yield() {
	if f.a.o.Together {
		runtime.Gosched()
	} else {
		shm.Yield()
	}
}

// slowest is the position of the reader that is furthest behind. It returns false while
// there is one that has not begun.
func (f *Fan) slowest() (pos uint64, ok bool) {
	pos = ^uint64(0)
	for _, c := range f.cursors {
		pos = min(pos, c.Load()) // pairs with the store in Read
	}
	return pos - 1, pos > 0
}

// await lets others run until the slowest reader has come to pos.
func (f *Fan) await(pos uint64) (uint64, error) {
	for {
		if at, ok := f.slowest(); ok && at >= pos {
			return at, nil
		}
		if f.a.ctx.Err() != nil {
			return 0, context.Cause(f.a.ctx)
		}
		f.yield()
	}
}

// Write writes for the budget, and returns how many nanoseconds an event took until
// everybody had read it.
func (f *Fan) Write() (ns float64, err error) {
	defer func() { f.tail.Or(fanStop) }()
	free, err := f.await(0)
	if err != nil {
		return 0, err
	}
	batch, capacity := uint64(f.a.o.Batch), f.mask+1
	pos, start := uint64(0), time.Now()
	for time.Since(start) < f.a.o.Budget {
		for range fanWindow {
			if pos+batch > free+capacity {
				if free, err = f.await(pos + batch - capacity); err != nil {
					return 0, err
				}
			}
			for range batch {
				payload.FillBytes(f.slot(pos), payload.NewNote(0, pos, false), f.a.o.Verify)
				pos++
			}
			f.tail.Store(pos) // pairs with the load in Read
		}
	}
	if _, err := f.await(pos); err != nil {
		return 0, err
	}
	return float64(time.Since(start)) / float64(pos), nil
}

// Read reads as reader i until the writer is done.
func (f *Fan) Read(i int) error {
	cursor, pos := f.cursors[i], uint64(0)
	cursor.Store(1)
	for {
		tail := f.tail.Load() // pairs with the store in Write
		end := min(tail&^fanStop, pos+fanWindow)
		if end == pos {
			if tail&fanStop != 0 {
				return nil
			}
			if f.a.ctx.Err() != nil {
				return context.Cause(f.a.ctx)
			}
			f.yield()
			continue
		}
		for ; pos < end; pos++ {
			n, ok := payload.ReadBytes(f.slot(pos), f.a.o.Verify)
			if !ok || n.Seq() != pos {
				return ErrDamaged
			}
		}
		cursor.Store(pos + 1) // pairs with the load in slowest
	}
}

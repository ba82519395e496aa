package bus

import (
	"runtime/debug"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// backing is the memory of a region: a mapped file, or the heap of one process.
// *shm.Region is the one, *heap the other; all that a bus means is the same on
// both.
type backing interface {
	Name() string
	Bytes() []byte
	Retain() bool
	Release() error
	// TryLock and Unlock are the lock bytes that prove who is alive.
	TryLock(i int) (bool, error)
	Unlock(i int) error
	Locked(i int) (bool, error)
	// Check says whether the file, if there is one, is still what was joined.
	Check() error
	// Fault says which error a recovered panic is, nil if it was no fault on the
	// memory.
	Fault(recovered any) error
}

var (
	_ backing = (*shm.Region)(nil)
	_ backing = (*heap)(nil)
)

// heap is memory that no other process sees. Its only participant is alive for
// as long as anybody can ask, and it cannot fault.
type heap struct{ mem []byte }

func newHeap(size int) *heap { return &heap{word.NewMemory(size)} }

func (h *heap) Name() string              { return "local" }
func (h *heap) Bytes() []byte             { return h.mem }
func (h *heap) Retain() bool              { return true }
func (h *heap) Release() error            { return nil }
func (h *heap) TryLock(int) (bool, error) { return true, nil }
func (h *heap) Unlock(int) error          { return nil }
func (h *heap) Locked(int) (bool, error)  { return true, nil }
func (h *heap) Check() error              { return nil }
func (h *heap) Fault(any) error           { return nil }

func parkerFor(b backing) ring.Parker {
	if _, ok := b.(*heap); ok {
		return &ring.LocalParker{}
	}
	return &ring.FutexParker{}
}

// protect makes a fault on memory panic in this goroutine, for caught.
func protect() (old bool) { return debug.SetPanicOnFault(true) }

// caught must be deferred directly, with what protect returned: a fault on the
// region's memory becomes an error, any other panic goes on. It does what
// shm.Region.Caught does, without an interface between, which would cost every
// call an allocation.
func (b *Bus) caught(old bool, err *error) {
	debug.SetPanicOnFault(old)
	if v := recover(); v != nil {
		*err = b.faulted(v)
	}
}

// faulted is the error that a recovered panic means; it lets go on what is no
// fault of the region's memory.
func (b *Bus) faulted(v any) error {
	err := b.mem.Fault(v)
	if err == nil {
		panic(v)
	}
	return err
}

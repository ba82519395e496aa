package bus

import (
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
	// Protect and Caught turn a fault on the memory into an error.
	Protect() (old bool)
	Caught(old bool, err *error)
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
func (h *heap) Protect() bool             { return false }
func (h *heap) Caught(_ bool, _ *error)   {}

func parkerFor(b backing) ring.Parker {
	if _, ok := b.(*heap); ok {
		return &ring.LocalParker{}
	}
	return &ring.FutexParker{}
}

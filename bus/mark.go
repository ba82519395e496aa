package bus

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

// mark says that its owner, one goroutine at a time, is in a call. Who wants no more
// calls sets a word that the owner looks at after enter and after leave, and then
// calls within: of the two, at least one sees the other. That takes a fence on both
// sides. Calls are millions a second and their end is one, so the kernel makes all
// fences when it ends, where it can, and enter and leave are plain stores. The form
// is Dekker's; the fence on one side alone is that of Dice, Huang and Yang,
// Asymmetric Dekker Synchronization (2001).
type mark struct{ in atomic.Uint32 }

// fences are light once the kernel makes them.
var fences struct {
	once  sync.Once
	light atomic.Bool
}

// makeFence is a variable for tests.
var makeFence = shm.Fence

// lightenFences asks the kernel whether it makes the fences, where that is of use. It
// takes a while.
func lightenFences() {
	fences.once.Do(func() { fences.light.Store(word.Plain && shm.RegisterFence() == nil) })
}

// fence returns after every owner of a mark has had a fence.
func fence() {
	lightenFences() // or somebody may find them light just now
	if fences.light.Load() && makeFence() != nil {
		time.Sleep(time.Millisecond) // no processor keeps a store to itself for so long
	}
}

// enter marks a call. It returns false if one is under way: two goroutines that
// begin at the same time it may let pass, which their owner must not let happen.
func (m *mark) enter() bool {
	if !fences.light.Load() {
		return m.in.CompareAndSwap(0, 1)
	}
	if m.in.Load() != 0 {
		return false
	}
	word.Release(&m.in, 1)
	return true
}

// leave ends it. What was done in the call is seen by who finds it ended.
func (m *mark) leave() {
	if fences.light.Load() {
		word.Release(&m.in, 0)
	} else {
		m.in.Store(0)
	}
}

// within tells whether a call is under way, of an owner who has not seen what the
// caller has set before. Of one who has, it may tell so for a moment.
func (m *mark) within() bool {
	fence()
	return m.in.Load() != 0
}

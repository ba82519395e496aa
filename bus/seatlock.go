package bus

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
)

// seatLock is a lock that is cheap to give back: a plain store on processors whose
// stores are seen in order, where that of a sync.Mutex is an atomic exchange, and
// every publish has one. Nobody is told that it is free: who finds it taken looks
// again, which is rare, since a process has several seats, and soon, since it is
// never held while anybody waits for anything.
type seatLock struct{ taken atomic.Uint32 }

// TryLock takes the lock if it is free.
func (l *seatLock) TryLock() bool { return l.taken.CompareAndSwap(0, 1) }

// Lock takes the lock.
func (l *seatLock) Lock() {
	if !l.taken.CompareAndSwap(0, 1) {
		l.await()
	}
}

// Unlock gives it back. Pairs with the CompareAndSwap in Lock and TryLock: what was
// done under the lock is seen by who has it next.
func (l *seatLock) Unlock() { word.Release(&l.taken) }

// seatYields is how often who waits lets other goroutines run before it sleeps.
const seatYields = 32

func (l *seatLock) await() {
	for n := 0; !l.TryLock(); n++ {
		if n < seatYields {
			runtime.Gosched()
		} else {
			time.Sleep(20 * time.Microsecond) // its holder's thread may wait for our processor
		}
	}
}

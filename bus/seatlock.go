package bus

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
)

// seatLock is a lock that is cheap to give back: a plain store on processors whose
// stores are seen in order, where that of a sync.Mutex is an atomic exchange, and
// every publish has one. Nobody is told that it is free: who finds it taken looks
// again, which is rare, since a process has several seats, and soon, since it is
// never held while anybody waits for anything. Who waits is the next to have it: one
// who publishes batch after batch would otherwise hardly ever let others in.
type seatLock struct {
	taken   atomic.Uint32
	waiting atomic.Int32
	queue   sync.Mutex // of those that wait; its holder looks
}

// TryLock takes the lock if it is free and nobody waits for it.
func (l *seatLock) TryLock() bool { return l.waiting.Load() == 0 && l.taken.CompareAndSwap(0, 1) }

// Lock takes the lock.
func (l *seatLock) Lock() {
	if !l.TryLock() {
		l.await()
	}
}

// Unlock gives it back. Pairs with the CompareAndSwap in Lock and TryLock: what was
// done under the lock is seen by who has it next.
func (l *seatLock) Unlock() { word.Release(&l.taken, 0) }

// seatYields is how often who waits lets other goroutines run before it sleeps.
const seatYields = 32

func (l *seatLock) await() {
	l.waiting.Add(1)
	l.queue.Lock()
	for n := 0; !l.taken.CompareAndSwap(0, 1); n++ {
		if n < seatYields {
			runtime.Gosched()
		} else {
			time.Sleep(20 * time.Microsecond) // its holder's thread may wait for our processor
		}
	}
	l.waiting.Add(-1)
	l.queue.Unlock()
}

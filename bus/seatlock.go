package bus

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
)

// seatLock is the lock of a seat. It is cheap to give back: a plain store on
// processors whose stores are seen in order, where that of a sync.Mutex is an atomic
// exchange, and every publish has one. Nobody is told that it is free: who finds it
// taken looks again, which is rare, since a process has several seats, and soon, since
// it is never held while anybody waits for anything. Who waits is the next to have it:
// one who publishes batch after batch would otherwise hardly ever let others in.
//
// The seat of an exclusive publisher is owned: Lock is for one goroutine at a time,
// and costs a plain store, too. Seize is for those who do not publish, at any time.
type seatLock struct {
	taken   atomic.Uint32
	waiting atomic.Int32
	queue   sync.Mutex // of those that wait; its holder looks, and of an owned seat has the lock

	owned  bool
	own    mark
	queued bool // the owner had to wait; under the lock
}

// TryLock takes the lock of a seat that is not owned if it is free and nobody waits
// for it.
func (l *seatLock) TryLock() bool { return l.waiting.Load() == 0 && l.taken.CompareAndSwap(0, 1) }

// Lock takes the lock.
func (l *seatLock) Lock() {
	if !l.owned {
		if !l.TryLock() {
			l.await()
		}
		return
	}
	if !l.own.enter() {
		panic("bus: two goroutines use an exclusive publisher, or its loans")
	}
	// Pairs with Seize: either it sees our mark, or we see that it waits.
	if l.waiting.Load() != 0 {
		l.own.leave()
		l.Seize()
		l.queued = true
	}
}

// Unlock gives it back. What was done under the lock is seen by who has it next.
func (l *seatLock) Unlock() {
	switch {
	case !l.owned:
		word.Release(&l.taken, 0)
	case l.queued:
		l.queued = false
		l.Release()
	default:
		l.own.leave()
	}
}

// Seize takes the lock for who does not publish.
func (l *seatLock) Seize() {
	if !l.owned {
		l.Lock()
		return
	}
	l.waiting.Add(1)
	l.queue.Lock()
	for n := 0; l.own.within(); n++ {
		pause(n)
	}
}

// Release gives back what Seize has taken.
func (l *seatLock) Release() {
	if !l.owned {
		l.Unlock()
		return
	}
	l.waiting.Add(-1)
	l.queue.Unlock()
}

func (l *seatLock) await() {
	l.waiting.Add(1)
	l.queue.Lock()
	for n := 0; !l.taken.CompareAndSwap(0, 1); n++ {
		pause(n)
	}
	l.waiting.Add(-1)
	l.queue.Unlock()
}

// seatYields is how often who waits lets other goroutines run before it sleeps.
const seatYields = 32

// pause is for who has looked n times before.
func pause(n int) {
	if n < seatYields {
		runtime.Gosched()
	} else {
		time.Sleep(20 * time.Microsecond) // its holder's thread may wait for our processor
	}
}

package ring

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

// FutexParker parks on words that processes share. A sleeping futex holds an
// operating-system thread, so that only the first few sleepers of a word wait
// by themselves; one goroutine waits for all others.
type FutexParker struct {
	mu    sync.Mutex
	words map[*uint32]*futexQueue // few, and kept: a lane's room, a region's bell
}

// directSleepers is how many sleepers of a word may hold a thread each: few
// enough not to matter, and the shortest way for the usual process, which has
// one subscriber or two. Measured with 1,000 sleepers: 1,003 threads and 71 ms
// until the last one ran; through one dispatcher 4 threads and 0.9 ms.
const directSleepers = 4

// maxDispatchWait bounds the dispatcher's sleep, so that it ends some time
// after its last sleeper has gone.
const maxDispatchWait = int64(100 * time.Millisecond)

type futexQueue struct {
	direct      int       // sleepers with a thread each
	shared      []*waiter // sleepers that the dispatcher waits for
	dispatching bool
}

// Park implements Parker.
func (p *FutexParker) Park(addr *uint32, val, mask uint32, deadline int64, ready func() bool) error {
	p.mu.Lock()
	if p.words == nil {
		p.words = make(map[*uint32]*futexQueue)
	}
	q := p.words[addr]
	if q == nil {
		q = &futexQueue{}
		p.words[addr] = q
	}
	if q.direct < directSleepers {
		q.direct++
		p.mu.Unlock()
		err := futexWait(addr, val, mask, deadline)
		p.mu.Lock()
		q.direct--
		p.mu.Unlock()
		return benign(err)
	}
	w := newWaiter(val, mask, ready)
	q.shared = append(q.shared, w)
	if !q.dispatching {
		q.dispatching = true
		go p.dispatch(addr, q)
	}
	p.mu.Unlock()

	if word.LoadFutex(addr) == val {
		w.sleep(deadline)
	}

	p.mu.Lock()
	if i := slices.Index(q.shared, w); i >= 0 {
		q.shared = slices.Delete(q.shared, i, i+1)
	}
	p.mu.Unlock()
	w.recycle()
	return nil
}

// briefWait is for how long one sleeper of the process keeps its processor, in the
// hope to be woken soon; see shm.FutexWaitBriefly. Whoever is woken some hundred
// times a second never does without. It is longer than the tick of usual kernels, 4
// ms: a timer that ends before the next tick has the hardware's timer set, and set
// back, which on a virtual machine was 4 to 10 us of each sleep for 1 ms, and none
// for 5 ms.
const briefWait = int64(5 * time.Millisecond)

// unbrief is how many sleeps do without after one that had hoped in vain, so that a
// process whose sleeps are long has its processors for itself.
const unbrief = 4

var (
	brief   atomic.Bool  // held by that one sleeper
	without atomic.Int32 // sleeps to come that do without
)

// futexWait sleeps by itself.
func futexWait(addr *uint32, val, mask uint32, deadline int64) error {
	if err, woken := futexWaitBriefly(addr, val, mask, deadline); woken {
		return err
	}
	return shm.FutexWait(addr, val, mask, deadline)
}

// futexWaitBriefly is the first few milliseconds of a sleep that may be longer. It returns
// false if it has come to nothing. Sleeps that are no longer anyway, those for room,
// begin anew as long as there is none, and would keep the processor all the time.
func futexWaitBriefly(addr *uint32, val, mask uint32, deadline int64) (err error, woken bool) {
	if without.Load() > 0 {
		without.Add(-1)
		return nil, false
	}
	until := shm.Now() + briefWait
	if deadline != 0 && deadline <= until || runtime.GOMAXPROCS(0) == 1 || !brief.CompareAndSwap(false, true) {
		return nil, false
	}
	err = shm.FutexWaitBriefly(addr, val, mask, until)
	brief.Store(false)
	switch {
	case errors.Is(err, shm.ErrTimeout):
		without.Store(unbrief)
		return nil, false
	case errors.Is(err, shm.ErrInterrupted):
		return nil, false // the collector wants our processor
	}
	return err, true
}

// dispatch waits on addr for the shared sleepers of q until there are none.
func (p *FutexParker) dispatch(addr *uint32, q *futexQueue) {
	for {
		val, more := p.serve(addr, q)
		if !more {
			return
		}
		if err := benign(shm.FutexWait(addr, val, AllBits, shm.Now()+maxDispatchWait)); err != nil {
			p.signalAll(q)
		}
	}
}

// serve wakes the shared sleepers that have what they wait for, and returns the
// value to wait on for the others; more is false when there are none. It touches
// the word only while one of them is queued, since they keep its memory mapped.
// Should the memory have gone all the same, because a peer has truncated its
// file, they are left to meet that fault by themselves.
func (p *FutexParker) serve(addr *uint32, q *futexQueue) (val uint32, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			if _, fault := v.(interface{ Addr() uintptr }); !fault {
				panic(v)
			}
			q.dispatching, more = false, false
			for _, w := range q.shared {
				w.signal()
			}
		}
	}()
	if len(q.shared) == 0 {
		q.dispatching = false
		return 0, false
	}
	// The word first, then what it announces: a ring after this load ends the
	// wait on it at once.
	val = word.LoadFutex(addr)
	for _, w := range q.shared {
		if w.val != val && w.ready == nil || w.ready != nil && w.ready() {
			w.signal()
		}
	}
	return val, true
}

// signalAll makes every shared sleeper look for itself.
func (p *FutexParker) signalAll(q *futexQueue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range q.shared {
		w.signal()
	}
}

// Wake implements Parker.
func (p *FutexParker) Wake(addr *uint32, bits uint32) error {
	_, err := shm.FutexWake(addr, math.MaxInt32, bits)
	return err
}

// benign drops the errors after which a sleeper looks again anyway.
func benign(err error) error {
	if errors.Is(err, shm.ErrChanged) || errors.Is(err, shm.ErrTimeout) || errors.Is(err, shm.ErrInterrupted) {
		return nil
	}
	return err
}

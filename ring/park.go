package ring

import (
	"slices"
	"sync"
	"time"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

// Parker puts goroutines to sleep on a 32-bit word and wakes them. It is safe
// for concurrent use.
type Parker interface {
	// Park sleeps while *addr is val, until a Wake of addr with a common bit,
	// or the deadline in ns of shm.Now (0 for none). It may return early and
	// without a reason; it returns an error only if it cannot sleep on addr.
	// ready tells whether the sleeper has what it waits for: a parker that
	// watches addr for many sleepers calls it from its own goroutine. nil
	// means that any change of *addr will do.
	Park(addr *uint32, val, mask uint32, deadline int64, ready func() bool) error

	// Wake wakes every sleeper of addr whose mask has one of bits. The caller
	// has changed *addr before.
	Wake(addr *uint32, bits uint32) error
}

// LocalParker parks goroutines of one process, on memory that no other process
// shares, with nothing but the Go scheduler. The zero value is ready.
type LocalParker struct {
	mu      sync.Mutex
	waiters map[*uint32][]*waiter // few words, and kept
}

type waiter struct {
	mask  uint32
	val   uint32
	ready func() bool
	wake  chan struct{} // one place: a wake is never lost and never blocks
	timer *time.Timer
}

var waiterPool = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &waiter{wake: make(chan struct{}, 1), timer: t}
}}

func newWaiter(val, mask uint32, ready func() bool) *waiter {
	w := waiterPool.Get().(*waiter)
	w.val, w.mask, w.ready = val, mask, ready
	return w
}

// sleep waits for the wake or the deadline.
func (w *waiter) sleep(deadline int64) {
	if deadline == 0 {
		<-w.wake
		return
	}
	w.timer.Reset(time.Duration(deadline - shm.Now()))
	select {
	case <-w.wake:
		w.timer.Stop()
	case <-w.timer.C:
	}
}

// recycle is called once nobody else can reach w any more.
func (w *waiter) recycle() {
	select {
	case <-w.wake:
	default:
	}
	w.ready = nil
	waiterPool.Put(w)
}

func (w *waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Park implements Parker.
func (p *LocalParker) Park(addr *uint32, val, mask uint32, deadline int64, ready func() bool) error {
	w := newWaiter(val, mask, ready)
	p.mu.Lock()
	// Under the lock that Wake takes after it has changed the word.
	if word.LoadFutex(addr) != val {
		p.mu.Unlock()
		w.recycle()
		return nil
	}
	if p.waiters == nil {
		p.waiters = make(map[*uint32][]*waiter)
	}
	p.waiters[addr] = append(p.waiters[addr], w)
	p.mu.Unlock()

	w.sleep(deadline)

	p.mu.Lock()
	list := p.waiters[addr]
	if i := slices.Index(list, w); i >= 0 {
		p.waiters[addr] = slices.Delete(list, i, i+1)
	}
	p.mu.Unlock()
	w.recycle()
	return nil
}

// Wake implements Parker.
func (p *LocalParker) Wake(addr *uint32, bits uint32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.waiters[addr] {
		if w.mask&bits != 0 {
			w.signal()
		}
	}
	return nil
}

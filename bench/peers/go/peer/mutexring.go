package peer

import (
	"os"
	"sync"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// mutexRing is what one writes first: a ring that a mutex guards, with a
// condition for each side to wait on. Subscribers read outside of the lock what
// nobody overwrites before they have moved on.
var mutexRing = &Go{
	Peer: proto.Peer{
		Name: "mutex-ring", Language: "Go", Version: goVersion(), InProcess: true, Workloads: streams,
		Batch: "one lock for all of it; readers take what is there, at most 64 at a time",
	},
	open: func(c proto.Config, _ []*os.File) (Ends, error) {
		return &mutexEnds{newLockedRing(c), newLockedRing(c)}, nil
	},
}

// takeMost bounds what a reader holds in place at a time.
const takeMost = 64

type lockedRing struct {
	mu      sync.Mutex
	news    sync.Cond
	room    sync.Cond
	head    uint64   // events published
	cursors []uint64 // events read, per subscriber
	waiting int      // publishers that wait for room
	asleep  int      // subscribers that wait for news

	size int
	mask uint64
	buf  []byte
}

func newLockedRing(c proto.Config) *lockedRing {
	r := &lockedRing{cursors: make([]uint64, c.Subs), size: c.Size, mask: uint64(c.Capacity - 1), buf: make([]byte, c.Capacity*c.Size)}
	r.news.L, r.room.L = &r.mu, &r.mu
	return r
}

type mutexEnds [2]*lockedRing

func (e *mutexEnds) Publisher(link int) (Publisher, error) {
	r := e[link]
	return &mutexPublisher{ring: r, own: make([]byte, maxBatch*r.size)}, nil
}

func (e *mutexEnds) Subscriber(link, index int) (Subscriber, error) {
	return &mutexSubscriber{ring: e[link], index: index}, nil
}

func (e *mutexEnds) Close() error { return nil }

type mutexPublisher struct {
	ring *lockedRing
	own  []byte
}

// Publish writes outside of the lock and copies inside, as several publishers
// would have to.
func (p *mutexPublisher) Publish(w *event.Writer, n int) error {
	r := p.ring
	packed := p.own[:w.Pack(p.own, n)]
	r.mu.Lock()
	for r.head+uint64(n)-r.slowest() > r.mask+1 {
		r.waiting++
		r.room.Wait()
		r.waiting--
	}
	for len(packed) > 0 {
		at := int(r.head&r.mask) * r.size
		fits := copy(r.buf[at:], packed)
		packed = packed[fits:]
		r.head += uint64(fits / r.size)
	}
	asleep := r.asleep
	r.mu.Unlock()
	if asleep > 0 {
		r.news.Broadcast()
	}
	return nil
}

func (r *lockedRing) slowest() uint64 {
	least := r.cursors[0]
	for _, c := range r.cursors[1:] {
		least = min(least, c)
	}
	return least
}

func (p *mutexPublisher) Flush() error { return nil }
func (p *mutexPublisher) Close() error { return nil }

type mutexSubscriber struct {
	ring  *lockedRing
	index int
}

func (s *mutexSubscriber) Run(see func([]byte) bool) error {
	r := s.ring
	more := true
	for at := uint64(0); more; {
		r.mu.Lock()
		r.cursors[s.index] = at
		waiting := r.waiting
		for r.head == at {
			if waiting > 0 {
				r.room.Signal()
			}
			r.asleep++
			r.news.Wait()
			r.asleep--
			waiting = r.waiting
		}
		end := min(r.head, at+takeMost)
		r.mu.Unlock()
		if waiting > 0 {
			r.room.Signal()
		}
		for ; at < end && more; at++ {
			off := int(at&r.mask) * r.size
			more = see(r.buf[off : off+r.size])
		}
	}
	return nil
}

func (s *mutexSubscriber) Close() error { return nil }

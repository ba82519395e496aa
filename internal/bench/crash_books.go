package bench

import (
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

// books are kept in shared memory, since who writes them may be killed at any time:
//
//	accepted, one word a life    events that Publish has accepted of a publisher;
//	                             each time one is started again it begins a new life
//	a page for each receiver:    six counters, then for each life the number of the
//	                             event that is to come next
type books struct {
	Memory    bare `json:"memory"`
	Receivers int  `json:"receivers"`
}

// maxLives bounds how many publishers there are in a run, those that died included.
const maxLives = 4096

const (
	countGap = iota
	countMissed
	countDisordered
	countCorrupt
	countRedelivered
	pageCounts = 8 // a line

	pageWords = pageCounts + maxLives
)

// unknown is the next event of a life of which a receiver that came later has
// seen nothing yet.
const unknown = ^uint64(0)

func (t *trial) newBooks(receivers int) books {
	return books{Memory: t.bare("books", 8*(maxLives*word.LineSize/8+receivers*pageWords)), Receivers: receivers}
}

// pages are the books as a process sees them.
type pages struct {
	words     []byte
	receivers []*page
}

func (b books) open(r *shm.Region) *pages { return b.pages(r.Bytes()[shm.HeaderSize:]) }

func (b books) pages(mem []byte) *pages {
	p := &pages{words: mem}
	for i := range b.Receivers {
		all := word.U64s(mem, maxLives*word.LineSize+8*i*pageWords, pageWords)
		p.receivers = append(p.receivers, &page{counts: all[:pageCounts], next: all[pageCounts:]})
	}
	return p
}

// page is that of a receiver.
type page struct {
	counts []atomic.Uint64
	next   []atomic.Uint64
}

// accepted is what Publish has accepted of a life.
func (p *pages) accepted(life int) uint64 { return word.U64(p.words, life*word.LineSize).Load() }

// accept books it; the publisher alone writes it.
func (p *pages) accept(life int, n uint64) { word.U64(p.words, life*word.LineSize).Store(n) }

// see books an event of a receiver. fresh tells whether it has seen one in this
// process that it had not seen before: until then a durable one may get events again.
func (q *page) see(n payload.Note, ok bool, fresh *bool) {
	life := n.Publisher()
	if !ok || life >= len(q.next) {
		q.counts[countCorrupt].Add(1)
		return
	}
	seq, next := n.Seq(), q.next[life].Load()
	switch {
	case seq == next || next == unknown:
	case seq > next:
		q.counts[countGap].Add(seq - next)
	case *fresh:
		q.counts[countDisordered].Add(1)
		return
	default:
		q.counts[countRedelivered].Add(1)
		return
	}
	*fresh = true
	q.next[life].Store(seq + 1)
}

// forget begins anew for a process that knows nothing of what was before.
func (q *page) forget() {
	for i := range q.next {
		q.next[i].Store(unknown)
	}
}

// received is how many different events it got, of a receiver that was there from
// the beginning.
func (q *page) received() (n uint64) {
	for i := range q.next {
		n += q.next[i].Load()
	}
	return n - q.gap()
}

func (q *page) gap() uint64         { return q.counts[countGap].Load() }
func (q *page) missed() uint64      { return q.counts[countMissed].Load() }
func (q *page) disordered() uint64  { return q.counts[countDisordered].Load() }
func (q *page) corrupt() uint64     { return q.counts[countCorrupt].Load() }
func (q *page) redelivered() uint64 { return q.counts[countRedelivered].Load() }

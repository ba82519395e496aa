package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"

	"github.com/rvoip/shmbus/internal/word"
)

// The book is one mapped file beside the region, and knows nothing of it. All
// ledgers are in it, so that a word that was stored is there whatever becomes of
// who stored it.
//
//	pause │ places │ producers' lives │ trackers │ agreements
//
// A place is a seat for one process at a time; the processes that have had it are
// its lives, numbered from 1.
const (
	bookName  = "book"
	places    = 32
	producers = 10  // places 0 to 9 are those of producers
	durables  = 5   // trackers of durable subscriptions
	history   = 512 // how many lives of a place are remembered
	agreed    = 1 << 14

	placeWords   = 64 + history + 4*trail
	accountWords = 2 + 2*maxLanes
	maxLanes     = 8
	trail        = 256 // entries of the trail that each place leaves
)

// Words of a place.
const (
	placeLife    = iota // the life that it is in
	placeReady          // the last life that was ready
	placePaused         // the pause that it has come to
	placeFreezes        // odd while it is frozen
	placeDied           // when the life before was found dead, ns
	placeOp             // since when it has been publishing or receiving, ns; 0 if it is not
	placeKind           // which of them: opPublish, opReceive
	placeLongPublish
	placeLongReceive
	placePublished
	placeReceived
	placeAgain     // events that came again
	placeLost      // told as missed, on lossy lanes
	placeEvicted   // told as missed by an eviction
	placeUntold    // missed, and told to a process that was killed before it could note that
	placeUnchecked // lives that were too long ago
	placeTrail     // entries of its trail
)

const (
	opPublish = 1 + iota
	opReceive
)

type book struct {
	mem        mmap.MMap
	dir        string
	pause      *atomic.Uint64
	places     []place
	trackers   [][]lanePage // by place, then of the durable subscriptions, then of the group
	agreements [][]atomic.Uint64
}

// place is one seat.
type place struct {
	w     []atomic.Uint64
	lives []account
}

// account is what a life of a producer says that it published on each lane:
//
//	life │ of each lane: intent, accepted
//
// The intent is stored before the publish, what was accepted after it: of an event
// between them nobody knows.
type account []atomic.Uint64

func (a account) intent(lane int) *atomic.Uint64   { return &a[2+2*lane] }
func (a account) accepted(lane int) *atomic.Uint64 { return &a[3+2*lane] }

const (
	trackers  = places + durables + 1
	bookWords = 8 + places*placeWords + producers*history*accountWords + trackers*maxLanes*pageWords + maxLanes*agreed
	groupBook = places + durables // the tracker of the group
)

// openBook maps the book in dir; create makes it.
func openBook(dir string, create bool) (*book, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(filepath.Join(dir, bookName), flags, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if create {
		if err := f.Truncate(8 * bookWords); err != nil {
			return nil, err
		}
	}
	mem, err := mmap.MapRegion(f, 8*bookWords, mmap.RDWR, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("map the book: %w", err)
	}
	b := bindBook(mem)
	b.mem, b.dir = mem, dir
	return b, nil
}

func bindBook(mem []byte) *book {
	at := 0
	next := func(n int) []atomic.Uint64 {
		w := word.U64s(mem, 8*at, n)
		at += n
		return w
	}
	b := &book{pause: &next(8)[0]}
	for range places {
		b.places = append(b.places, place{w: next(placeWords)})
	}
	for i := range producers {
		for range history {
			b.places[i].lives = append(b.places[i].lives, account(next(accountWords)))
		}
	}
	for range trackers {
		var pages []lanePage
		for range maxLanes {
			pages = append(pages, lanePage(next(pageWords)))
		}
		b.trackers = append(b.trackers, pages)
	}
	for range maxLanes {
		b.agreements = append(b.agreements, next(agreed))
	}
	return b
}

func (b *book) close() error { return b.mem.Unmap() }

// account is that of a life of a producer, and nil if it was too long ago.
func (b *book) account(place int, life uint64) account {
	a := b.places[place].lives[life%history]
	if a[0].Load() != life {
		return nil
	}
	return a
}

// begin opens the account of a life, before its process starts.
func (b *book) begin(place int, life uint64) {
	p := &b.places[place]
	if place < producers {
		a := p.lives[life%history]
		a[0].Store(0)
		for i := range a[1:] {
			a[1+i].Store(0)
		}
		a[0].Store(life)
	}
	p.w[placeOp].Store(0)
	p.w[placeLife].Store(life)
}

// doom notes that a life is about to be killed. What it had in hand may come again.
func (p *place) doom(life uint64) { p.w[64+life%history].Store(life) }

// doomed tells whether a life was to be killed, as far as it is remembered.
func (p *place) doomed(life uint64) bool { return p.w[64+life%history].Load() >= life }

// agree notes that the event published at a position of a lane is this one, or
// compares it with what others have noted. It returns false for another one.
func (b *book) agree(lane int, pos uint64, place int, s stamp) bool {
	const tagShift = 40
	w := &b.agreements[lane][pos%agreed]
	h := (uint64(s)*producers + uint64(place) + 1) * 0x9e3779b97f4a7c15
	mine := pos/agreed<<tagShift | h>>24
	for {
		old := w.Load()
		switch d := int64(old>>tagShift) - int64(mine>>tagShift); {
		case old != 0 && d == 0:
			return old == mine
		case old != 0 && d > 0:
			return true // it is far behind: others have noted later events here
		}
		if w.CompareAndSwap(old, mine) {
			return true
		}
	}
}

// note leaves an entry on the trail of a place, for whoever looks for the cause of
// a violation.
func (p *place) note(now int64, kind, lane int, pos uint64, from int, s stamp) {
	n := p.w[placeTrail].Add(1) - 1
	at := 64 + history + 4*int(n%trail)
	p.w[at].Store(uint64(now))
	p.w[at+1].Store(uint64(kind)<<32 | uint64(lane)<<16 | uint64(from))
	p.w[at+2].Store(pos)
	p.w[at+3].Store(uint64(s))
}

// wordOf chooses a word of an account.
type wordOf func(a account, lane int) *atomic.Uint64

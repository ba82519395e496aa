package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// kind says what a subscription may get.
type kind struct {
	key     int  // the only residue of Seq that it takes, -1 for all
	keyed   bool // events of different keys come in any order
	lasting bool // durable, or of a group: it outlives its processes
	group   bool
	copies  bool // an event is finished with the next receive call
}

// tracker checks what one subscription gets, as it gets it:
//
//  1. The bytes of an event are those that were published.
//  2. All subscriptions find the same event at a position.
//  3. Positions follow one another; each gap is one that a LagError told exactly.
//  4. Events of a producer on a lane, or of its keys with a handler, come in order;
//     what is not there was told as missed, as many events as that.
//  5. None comes twice, but to a durable subscription or a group the one that a
//     killed process had in hand.
//  6. A reliable lane overtakes only whom it has evicted, and evicts only who has
//     stood still for as long as the lane says, or who was away and may not hold
//     back as much.
//  7. A lane of a group belongs to one member at a time.
type tracker struct {
	kind
	book   *book
	pages  []lanePage
	place  int
	life   uint64
	attach int64 // when the process began to subscribe
	limits limits
}

// limits are what a durable subscription may hold back while no process has it.
type limits struct {
	events uint64
	wait   time.Duration
}

func (t *tracker) me() uint64 { return t.life<<8 | uint64(t.place) }

// prepare notes what has been accepted before the subscription begins, and returns
// a function that notes what was to be published by when it had begun.
func (t *tracker) prepare() (begun func()) {
	t.attach = bus.Now()
	if t.lasting {
		return func() {} // these exist since before the first event
	}
	for l := range lanes {
		t.pages[l].clear()
	}
	t.eachStamp(func(page lanePage, l, p, key int) {
		page.from(p, key).Store(uint64(t.book.mark(p, l, account.accepted)))
		page.to(p, key).Store(unset)
	})
	return func() {
		t.eachStamp(func(page lanePage, l, p, key int) {
			// A handler may have got the first one by now.
			page.to(p, key).CompareAndSwap(unset, uint64(t.book.mark(p, l, account.intent)))
		})
		for l := range lanes {
			t.pages[l][pageBegun].Store(1)
		}
	}
}

// unset is a stamp after all others: nothing is missing before it.
const unset = ^uint64(0)

func (t *tracker) eachStamp(f func(page lanePage, l, producer, key int)) {
	for l := range lanes {
		for p := range producers {
			if !t.keyed {
				f(t.pages[l], l, p, 0)
				continue
			}
			for key := range keys {
				f(t.pages[l], l, p, key)
			}
		}
	}
}

// index is where the stamps of an event's kind are.
func (t *tracker) index(s stamp) int {
	if t.keyed {
		return int(s.seq() % keys)
	}
	return 0
}

// residue is what sequence numbers of that index are, modulo keys.
func (t *tracker) residue(index int) int {
	if t.keyed {
		return index
	}
	return t.key
}

// got checks one event, when the work on it begins.
func (t *tracker) got(v *load, tail []byte, h bus.Header) error {
	if err := v.check(tail, h); err != nil {
		return fmt.Errorf("event %d of lane %v: %w", h.Position, lanes[laneOf(h.Priority, h.Shard)], err)
	}
	l, s := int(v.Lane), stampOf(v.Life, v.Seq)
	t.redo(t.pages[l])
	p := &t.book.places[t.place]
	p.note(bus.Now(), opReceive, l, h.Position, int(v.Place), s)
	p.w[placeReceived].Add(1)
	if !t.book.agree(l, h.Position, int(v.Place), s) {
		return fmt.Errorf("position %d of lane %v holds %v of producer %d, and others have got another event there", h.Position, lanes[l], s, v.Place)
	}
	if err := t.hold(l); err != nil {
		return err
	}
	if err := t.enter(l, h.Position, int(v.Place), s); err != nil {
		return fmt.Errorf("event %d of lane %v, %v of producer %d: %w", h.Position, lanes[l], s, v.Place, err)
	}
	return nil
}

// done ends the work on an event of a lane.
func (t *tracker) done(l int) {
	if t.group {
		t.pages[l][pageBusy].Store(0)
	}
}

// hold marks a lane of a group as being worked on by this process, until done.
func (t *tracker) hold(l int) error {
	if !t.group {
		return nil
	}
	busy := &t.pages[l][pageBusy]
	for !busy.CompareAndSwap(0, t.me()) {
		other := busy.Load()
		if other == 0 {
			continue
		}
		if !t.book.endedBadly(other) {
			return fmt.Errorf("lane %v of the group is worked on by place %d in its life %d, too", lanes[l], other&0xff, other>>8)
		}
		busy.CompareAndSwap(other, 0)
	}
	return nil
}

// endedBadly tells whether that life of a place was to be killed.
func (b *book) endedBadly(holder uint64) bool {
	return holder == 0 || b.places[holder&0xff%places].doomed(holder>>8)
}

// again tells whether an event may come again that the page has already: the one
// that a process had in hand when it was killed, or which it had as a copy and did
// not come back for more.
func (t *tracker) again(page lanePage, back uint64) bool {
	holder := page[pageHolder].Load()
	return t.lasting && back <= 1 && holder != t.me() && (t.copies || t.book.endedBadly(holder))
}

// enter enters an event into the page of its lane. It is written so that a process
// may be killed between any two stores: pending is set before the first that
// counts, and who finds it set does all of them again.
func (t *tracker) enter(l int, pos uint64, producer int, s stamp) error {
	page, i := t.pages[l], t.index(s)
	from, to := page.from(producer, i), page.to(producer, i)
	if t.key >= 0 && s.seq()%keys != uint64(t.key) {
		return errors.New("it is not what the filter asks for")
	}
	if t.lasting && page[pagePending].Load() == pos+1 && page[pageNext].Load() == pos {
		t.finish(l, from, to, pos, s)
		return nil
	}
	told := page[pageTold].Load()
	if !t.keyed {
		switch next := page[pageNext].Load(); {
		case page[pageKnown].Load() == 0 && !t.lasting, pos == next:
		case pos < next:
			if !t.again(page, next-pos) {
				return fmt.Errorf("it comes again, where position %d is due", next)
			}
			t.add(placeAgain, 1)
			page[pageHolder].Store(t.me())
			return nil
		case t.key < 0:
			if err := t.untold(l, pos-next); err != nil {
				return err
			}
			told += pos - next
		}
	}
	if uint64(s) < from.Load() {
		return fmt.Errorf("out of order, or twice: %v is due", stamp(from.Load()))
	}
	least, known := t.book.between(producer, l, t.residue(i), stamp(to.Load()), s)
	most, _ := t.book.between(producer, l, t.residue(i), stamp(from.Load()), s)
	if !known {
		t.add(placeUnchecked, 1)
		most.most += 1 << 32
	}
	if t.keyed {
		page[pageLeast].Add(least.least)
		page[pageMost].Add(most.most)
		from.Store(uint64(s) + 1)
		to.Store(uint64(s) + 1)
		page[pageCount].Add(1)
		return nil // told by whichever goroutine; the audit sees to it
	}
	page[pageNewLeast].Store(page[pageLeast].Load() + least.least)
	page[pageNewMost].Store(page[pageMost].Load() + most.most)
	page[pageNewTold].Store(told)
	page[pagePending].Store(pos + 1)
	t.finish(l, from, to, pos, s)
	if lost, told := page[pageLeast].Load(), page[pageTold].Load(); lost > told {
		return fmt.Errorf("%d events of this lane are missing that were accepted, and %d were told as missed", lost, told)
	}
	return nil
}

type word64 interface{ Store(uint64) }

func (t *tracker) finish(l int, from, to word64, pos uint64, s stamp) {
	page := t.pages[l]
	page[pageLeast].Store(page[pageNewLeast].Load())
	page[pageMost].Store(page[pageNewMost].Load())
	page[pageTold].Store(page[pageNewTold].Load())
	from.Store(uint64(s) + 1)
	to.Store(uint64(s) + 1)
	t.excuse(l)
	page[pageHolder].Store(t.me())
	page[pageNext].Store(pos + 1)
	page[pageKnown].Store(1)
	n := page[pageCount].Add(1)
	page[pageTimes+int(n%recent)].Store(uint64(bus.Now()))
}

// untold is called for a gap that nobody was told of. That may be if the process
// that was told was killed before it could note so.
func (t *tracker) untold(l int, n uint64) error {
	page := t.pages[l]
	if holder := page[pageHolder].Load(); !t.lasting || holder == t.me() || !t.killedSince(holder) {
		return fmt.Errorf("%d events before it are missing, and nobody was told so", n)
	}
	t.add(placeUntold, n)
	return nil
}

// killedSince tells whether a process that had the subscription was killed since
// that one got an event from it.
func (t *tracker) killedSince(holder uint64) bool {
	if t.group || t.book.endedBadly(holder) {
		return true
	}
	for life := holder >> 8; life < t.life; life++ {
		if t.book.places[t.place].doomed(life) {
			return true
		}
	}
	return false
}

// lagged checks and notes a gap that the subscription was told of.
func (t *tracker) lagged(lag *bus.LagError) error {
	l := laneOf(lag.Priority, lag.Shard)
	page := t.pages[l]
	t.redo(page)
	t.book.places[t.place].note(bus.Now(), 0, l, lag.Resumed, 0, stamp(lag.Missed))
	if lag.Missed == 0 {
		return fmt.Errorf("lane %v: told of a gap of nothing", lanes[l])
	}
	if lag.Evicted == lossy(l) {
		return fmt.Errorf("lane %v: %w: that is not what such a lane does", lanes[l], lag)
	}
	if lag.Evicted {
		if err := t.mayEvict(l); err != nil {
			return err
		}
		t.add(placeEvicted, lag.Missed)
	} else {
		t.add(placeLost, lag.Missed)
	}
	if t.keyed || page[pageKnown].Load() == 0 && !t.lasting {
		page[pageTold].Add(lag.Missed)
		if !t.keyed {
			page[pageNext].Store(lag.Resumed)
			page[pageKnown].Store(1)
		}
		return nil
	}
	next := page[pageNext].Load()
	far := lag.Resumed - next
	switch {
	case t.key >= 0: // what it has passed over lies between
	case far == lag.Missed:
	case far+1 == lag.Missed && t.again(page, 1):
	case int64(far-lag.Missed) > 0 && t.untold(l, far-lag.Missed) == nil:
	default:
		return fmt.Errorf("lane %v: told that %d events are missing before %d, where %d was due", lanes[l], lag.Missed, lag.Resumed, next)
	}
	if t.key >= 0 {
		far = lag.Missed
	}
	// Both at once, as far as a kill is concerned.
	page[pageNewTold].Store(page[pageTold].Load() + far)
	page[pageLag].Store(lag.Resumed + 1)
	t.redo(page)
	return nil
}

// redo enters a gap that is being entered, perhaps by a process that was killed
// over it.
func (t *tracker) redo(page lanePage) {
	lag := page[pageLag].Load()
	if lag == 0 {
		return
	}
	page[pageTold].Store(page[pageNewTold].Load())
	page[pageNext].Store(lag - 1)
	page[pageKnown].Store(1)
	page[pageLag].Store(0)
}

func (t *tracker) add(what int, n uint64) { t.book.places[t.place].w[what].Add(n) }

// met handles what a receive call has returned: nil and what does not end it are
// fine, and so is the end of ctx.
func (t *tracker) met(ctx context.Context, err error) error {
	var lag *bus.LagError
	switch {
	case err == nil, errors.Is(err, bus.ErrEmpty):
		return nil
	case errors.As(err, &lag):
		return t.lagged(lag)
	case ctx.Err() != nil:
		return nil //nolint:nilerr // this is what has ended it
	}
	return err
}

// mark is where a producer stands on a lane, by what its present life says.
func (b *book) mark(producer, lane int, by wordOf) stamp {
	life := b.places[producer].w[placeLife].Load()
	if life == 0 {
		return 0
	}
	a := b.account(producer, life)
	if a == nil {
		return stampOf(life, 0)
	}
	return stampOf(life, by(a, lane).Load())
}

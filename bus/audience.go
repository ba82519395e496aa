package bus

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/shm"
)

// typeSet is the set of types that a subscription takes, one bit each, in the
// region. Bit 0, which is no type, stands for all. Its subscription writes it,
// before it is active; publishers and viewers read it.
type typeSet []atomic.Uint64

// typeSetSize is the size of a typeSet in a region of so many types, in bytes.
func typeSetSize(types int) int {
	return (8*typeSetWords(types) + word.LineSize - 1) / word.LineSize * word.LineSize
}

func typeSetWords(types int) int { return types/64 + 1 }

func bindTypeSet(mem []byte, off, types int) typeSet { return word.U64s(mem, off, typeSetWords(types)) }

// put stores the types that are wanted, indexed by TypeID; nil stands for all.
func (s typeSet) put(wanted []bool) {
	for i := range s {
		bits := uint64(0)
		if wanted == nil && i == 0 {
			bits = 1
		}
		for t := 64 * i; t < min(64*(i+1), len(wanted)); t++ {
			if wanted[t] {
				bits |= 1 << (t % 64)
			}
		}
		s[i].Store(bits)
	}
}

// all tells whether every type is in the set, also those to come.
func (s typeSet) all() bool { return s[0].Load()&1 != 0 }

// has tells whether t, which must be a type of the region, is in the set.
func (s typeSet) has(t TypeID) bool {
	return s[t/64].Load()>>(t%64)&1 != 0 || s.all()
}

// names returns which of types are in the set, or that all are. Bits that stand
// for no type, which only a hostile process sets, name none.
func (s typeSet) names(types []typeInfo) (names []string, all bool) {
	if s.all() {
		return nil, true
	}
	for _, t := range types {
		if s.has(t.id) {
			names = append(names, t.name)
		}
	}
	return names, false
}

// exists tells whether the record is a subscription's: an active one, or a
// durable one that no process has.
func (rec *subscriberRecord) exists() bool {
	st := subState(rec.state.Load()).state()
	return st == subActive || st == subDetached
}

// takes tells whether subscription i gets what is published as type t on a lane:
// it is active, or it is durable and gets it later.
func (r *region) takes(i, lane int, t TypeID) bool {
	rec := &r.subscribers[i]
	// The state first. Pairs with the store that makes a subscription active: its
	// lanes and types were stored before.
	return rec.exists() && rec.lanes.Load()>>lane&1 != 0 && rec.types.has(t)
}

// audience knows, for each lane of a publisher, a subscription that takes its
// type. It only remembers where to look: what it knows is looked at again for
// each event, in a line or two that hardly ever change.
type audience struct {
	typ    TypeID
	known  []atomic.Int64 // a subscription, by lane
	nobody []error        // what to say when there is none, by lane
}

func newAudience(t *goType, lanes []*laneUse) *audience {
	a := &audience{typ: t.id, known: make([]atomic.Int64, len(lanes))}
	for _, l := range lanes {
		a.nobody = append(a.nobody, fmt.Errorf("lane %s: %w takes type %s", l.name(), ErrNoSubscriber, t.name))
	}
	return a
}

// errUnheard says that somebody who listens has to be looked for, see refused.
var errUnheard = errors.New("bus: nobody is known to listen")

// probeEvery is how often a participant is probed for whose sake events are
// accepted.
const probeEvery = int64(time.Millisecond)

// listens tells whether the subscription that is known for a lane still takes
// the type, and its process lived a moment ago. It makes no system call.
func (a *audience) listens(l *laneUse, n int) bool {
	r, i := l.bus.region, int(a.known[n].Load())
	return r.takes(i, l.index, a.typ) && l.bus.livedLately(subState(r.subscribers[i].state.Load()).owner())
}

// search looks for a subscription that takes the type. It recovers those whose
// process has died.
func (a *audience) search(l *laneUse, n int) (err error) {
	b := l.bus
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	defer b.caught(protect(), &err)
	for i := range b.region.subscribers {
		if !b.region.takes(i, l.index, a.typ) {
			continue
		}
		b.probe(subState(b.region.subscribers[i].state.Load()).owner())
		if b.region.takes(i, l.index, a.typ) {
			a.known[n].Store(int64(i))
			return nil
		}
	}
	return a.nobody[n]
}

// livedLately tells whether a participant was seen alive within probeEvery.
// Nobody, who has a detached subscription, and we ourselves always are.
func (b *Bus) livedLately(i int) bool {
	return i == b.self || i < 0 || i >= len(b.probed) || shm.Now()-b.probed[i].Load() < probeEvery
}

// probe recovers a participant if it is dead.
func (b *Bus) probe(i int) {
	if b.livedLately(i) {
		return
	}
	b.recoverIfDead(i)
	b.probed[i].Store(shm.Now())
}

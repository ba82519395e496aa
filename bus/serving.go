package bus

import (
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
)

// What a subscription serves is a word of its record: the generation of the
// record, and the type of the requests. A record that is used again has another
// generation, so that the word of its former life means nothing and need not be
// cleared.
//
//	63 ─ generation ─ 24 │ 23 ─ type ─ 0
func serving(s subState, t TypeID) uint64 { return s.gen()<<24 | uint64(t) }

// serve makes a record one of a server, before it is active.
func (rec *subscriberRecord) serve(s subState, t TypeID) {
	failpoint.Hit(stepSubServes)
	rec.serves.Store(serving(s, t))
}

// resign makes it one of a server no longer, unless it has gone already.
func (rec *subscriberRecord) resign(s subState, t TypeID) {
	rec.serves.CompareAndSwap(serving(s, t), 0)
}

// server returns the participant that serves requests of type t by this record.
func (rec *subscriberRecord) server(t TypeID) (participant int, ok bool) {
	// Pairs with the store that makes a subscription active: what it serves, and
	// its cursors, were stored before.
	s := subState(rec.state.Load())
	if s.state() != subActive || rec.serves.Load() != serving(s, t) {
		return 0, false
	}
	return s.owner(), true
}

// servesName names the type of the requests that are served by this record, if
// any are.
func (rec *subscriberRecord) servesName(types []typeInfo) string {
	for _, t := range types {
		if _, ok := rec.server(t.id); ok {
			return t.name
		}
	}
	return ""
}

// servers finds who serves requests of one type.
type servers struct {
	bus   *Bus
	typ   *goType
	known atomic.Int64 // record of one that served lately
}

// check returns ErrNoSubscriber when nobody serves. As long as the server that
// was found last is there, it costs a look at its record.
func (s *servers) check() (err error) {
	b := s.bus
	if err := b.admit(); err != nil {
		return err
	}
	defer b.leave()
	defer b.caught(protect(), &err)
	records := b.region.subscribers
	if owner, ok := records[s.known.Load()].server(s.typ.id); ok && b.livedLately(owner) {
		return nil
	}
	for i := range records {
		owner, ok := records[i].server(s.typ.id)
		if !ok {
			continue
		}
		b.probe(owner)
		if _, ok := records[i].server(s.typ.id); ok {
			s.known.Store(int64(i))
			return nil
		}
	}
	return fmt.Errorf("%w serves requests of type %s", ErrNoSubscriber, s.typ.name)
}

// count is how many servers get a request: each for itself, those of a group
// together.
func (s *servers) count() (n int) {
	groups := make(map[uint64]bool)
	_ = s.bus.guarded(func() error {
		for i := range s.bus.region.subscribers {
			rec := &s.bus.region.subscribers[i]
			if _, ok := rec.server(s.typ.id); !ok {
				continue
			}
			if rec.kind.Load() == kindMember {
				groups[rec.group.Load()] = true
			} else {
				n++
			}
		}
		return nil
	})
	return n + len(groups)
}

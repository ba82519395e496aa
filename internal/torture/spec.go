package torture

import (
	"time"

	"github.com/rvoip/shmbus/bus"
)

// spec says what one process does, as the plan has it.
type spec struct {
	Role  string `json:"r"` // publish, subscribe, handle
	Place int    `json:"p"`
	Life  uint64 `json:"l"`
	Seed  uint64 `json:"s"`
	Calm  bool   `json:"calm,omitempty"` // of a soak

	// Of publishers.
	Pace      string `json:"pace,omitempty"` // flood, bursts, slow, steady
	Batch     int    `json:"b,omitempty"`    // events per call
	Loan      bool   `json:"loan,omitempty"`
	Exclusive bool   `json:"x,omitempty"`

	// Of subscriptions.
	Mode    string        `json:"m,omitempty"` // view, batch, copy, take
	Wait    bus.Wait      `json:"w,omitempty"`
	Slow    time.Duration `json:"slow,omitempty"` // at work on some events
	Sit     bool          `json:"sit,omitempty"`  // over one now and then, for longer than the lanes wait
	Key     int           `json:"k,omitempty"`    // 1 + the residue that it filters by, 0 for all
	Durable int           `json:"d,omitempty"`    // 1 + which of them, 0 for none
	Group   bool          `json:"g,omitempty"`
}

// The durable subscriptions, by what they may hold back while they are away.
const (
	durableWaits  = iota // HoldFor, longer than any restart
	durableShort         // nothing stated: EvictAfter
	durableEvents        // HoldEvents
	durableBlocks        // HoldEvents and HoldBlock
	durableCopies        // as the first, and receives copies
)

var durableNames = [durables]string{"waits", "short", "events", "blocks", "copies"}

// subscription is what the spec asks of the bus.
func (s *spec) subscription() *bus.SubscribeOptions {
	o := &bus.SubscribeOptions{Window: window, Wait: s.Wait}
	switch {
	case s.Group:
		o.Group, o.Priorities, o.HoldFor = groupName, []bus.Priority{bus.High}, holdFor
	case s.Durable > 0:
		o.Durable = durableNames[s.Durable-1]
		switch s.Durable - 1 {
		case durableWaits, durableCopies:
			o.HoldFor = holdFor
		case durableEvents:
			o.HoldEvents = holdEvents
		case durableBlocks:
			o.HoldEvents, o.HoldPolicy = holdEvents, bus.HoldBlock
		}
	case s.Key > 0:
		o.Filter = bus.Field("Mark").Is(s.Key - 1)
	}
	return o
}

// tracker is what checks it.
func (s *spec) tracker(b *book) *tracker {
	t := &tracker{book: b, place: s.Place, life: s.Life, pages: b.trackers[s.book()]}
	t.kind = kind{
		key: s.Key - 1, keyed: s.Role == "handle", lasting: s.Durable > 0 || s.Group, group: s.Group, copies: s.Mode == "copy",
	}
	o := s.subscription()
	t.limits = limits{o.HoldEvents, o.HoldFor}
	return t
}

// book is which of the trackers is the subscription's.
func (s *spec) book() int {
	switch {
	case s.Group:
		return groupBook
	case s.Durable > 0:
		return places + s.Durable - 1
	}
	return s.Place
}

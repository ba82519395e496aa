package bench

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// Config says what a run does. It is part of its result.
type Config struct {
	Pubs     int    `json:"pubs"`
	Subs     int    `json:"subs"`
	Size     int    `json:"size"`
	Batch    int    `json:"batch"`
	Capacity int    `json:"capacity"`
	Wait     string `json:"wait"`
	Local    bool   `json:"local"`
	Policy   string `json:"policy"`
	// Read is how many events a receiver looks at in one call, at most.
	Read int `json:"read"`
	// Verify sums up and checks the content of each event. Order and number
	// are checked in any case.
	Verify bool `json:"verify"`
	// Stamp lets the bus write the time into each event, from which receivers
	// take latencies.
	Stamp bool `json:"stamp"`
	// Static takes a static ring of the event's type instead of a lane.
	Static bool `json:"static"`
	// Pack publishes each batch as a pack, in one event of the bus.
	Pack bool `json:"pack,omitempty"`
	// Match is the fraction of events that one further subscriber takes by a
	// filter, 0 for none.
	Match float64 `json:"match,omitempty"`

	// Rate is how many events a second are published at a fixed rate, 0 where
	// publishers go as fast as they can.
	Rate int `json:"rate,omitempty"`
	// Calls is how many calls' packets are published; Search asks for the
	// highest number that holds.
	Calls  int  `json:"calls,omitempty"`
	Search bool `json:"search,omitempty"`
	// Lent fills slots that were lent instead of publishing copies of packets.
	Lent bool `json:"lent,omitempty"`
	Chaos

	Duration time.Duration `json:"-"`
}

// UsageError is a command line that cannot be run.
type UsageError struct{ Why string }

func (e *UsageError) Error() string { return e.Why }

func misuse(format string, a ...any) error { return &UsageError{fmt.Sprintf(format, a...)} }

const (
	policyReliable = "reliable"
	policyLossy    = "lossy"

	maxSize  = 64 << 10
	maxRead  = 256
	maxBatch = 256
	maxSubs  = 200
	maxPubs  = 64

	// portCells is how many slots the ring lets one port own: a batch and the
	// pins of all receivers have to fit.
	portCells = 510
)

func (c Config) check() error {
	switch {
	case c.Duration <= 0:
		return misuse("-duration %v: want a time above zero", c.Duration)
	case c.Pubs < 1 || c.Pubs > maxPubs:
		return misuse("-pubs %d: want 1 to %d", c.Pubs, maxPubs)
	case c.Subs < 1 || c.Subs > maxSubs:
		return misuse("-subs %d: want 1 to %d", c.Subs, maxSubs)
	case c.Batch < 1 || c.Batch > maxBatch:
		return misuse("-batch %d: want 1 to %d", c.Batch, maxBatch)
	case c.Read < 1 || c.Read > maxRead:
		return misuse("-read %d: want 1 to %d", c.Read, maxRead)
	case c.Capacity < 2 || c.Capacity&(c.Capacity-1) != 0:
		return misuse("-capacity %d: want a power of two", c.Capacity)
	case c.Batch > c.Capacity:
		return misuse("-batch %d does not fit -capacity %d", c.Batch, c.Capacity)
	case c.Static && c.Stamp:
		return misuse("-static -stamp: the events of a static ring carry no time")
	case !(c.Match >= 0 && c.Match <= 1):
		return misuse("-match %v: want a fraction from 0 to 1", c.Match)
	case c.Match > 0 && (c.Static || c.Local):
		return misuse("-match: a static ring has no keys to filter by, and with -local nobody can tell whose processor time it is; leave out -static and -local")
	case c.Policy != policyReliable && c.Policy != policyLossy:
		return misuse("-policy %q: want %s or %s", c.Policy, policyReliable, policyLossy)
	}
	if err := c.noPack(); err != nil {
		return err
	}
	_, err := parseWait(c.Wait)
	return err
}

// checkSize refuses sizes for which there are no events.
func (c Config) checkSize() error {
	switch {
	case c.Size < payload.HeadSize || c.Size > maxSize || c.Size%8 != 0:
		return misuse("-size %d: want a multiple of 8 from %d to %d", c.Size, payload.HeadSize, maxSize)
	case c.Pack && !slices.Contains(typedSizes, c.Size):
		return misuse("-pack -size %d: the events of a pack have no tail; want one of %v", c.Size, typedSizes)
	case c.Static && !slices.Contains(typedSizes, c.Size):
		return misuse("-static -size %d: the events of a static ring have no tail; want one of %v", c.Size, typedSizes)
	}
	return nil
}

// statics are the shape of a static ring for the run, nil if a lane is used.
func (c Config) statics() *bus.StaticOptions {
	if !c.Static {
		return nil
	}
	return &bus.StaticOptions{
		Capacity: c.Capacity, Policy: parsePolicy(c.Policy), Ports: c.Pubs + 2, Pins: c.window() * c.receivers(), Batch: c.Batch,
		EvictAfter: evictAfter, Participants: c.participants(), Subscribers: c.subscriptions(),
	}
}

// participants and subscriptions are how many the run needs, with some to spare.
func (c Config) participants() int  { return c.Pubs + c.receivers() + 8 }
func (c Config) subscriptions() int { return c.receivers() + 8 }

// receivers is how many subscribers there are, with one that filters.
func (c Config) receivers() int {
	if c.Match > 0 {
		return c.Subs + 1
	}
	return c.Subs
}

// window is how many events each receiver may look at in place at a time.
func (c Config) window() int {
	return max(1, min(c.Read, (portCells-c.Batch)/c.receivers(), c.Capacity))
}

// slotSize is the slot that an event of the size fills.
func (c Config) slotSize() int {
	const header = 32
	return (header + c.Size + 63) &^ 63
}

// errFailed is behind the error of a run that lost, reordered or damaged events.
var errFailed = errors.New("events were not delivered as promised")

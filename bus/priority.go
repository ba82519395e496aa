package bus

import (
	"cmp"
	"fmt"
	"strings"
)

// Priority orders lanes: events of a higher priority are received first. The
// zero value stands for "not said", which is Normal.
type Priority uint8

// The priorities, highest first.
const (
	Critical Priority = iota + 1
	High
	Normal
	Low

	priorities = int(Low)
)

var priorityNames = [...]string{"unspecified", "critical", "high", "normal", "low"}

func (p Priority) String() string {
	if int(p) < len(priorityNames) {
		return priorityNames[p]
	}
	return fmt.Sprintf("priority(%d)", uint8(p))
}

// MarshalText returns the priority's name.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a priority's name.
func (p *Priority) UnmarshalText(b []byte) error {
	for i, name := range priorityNames {
		if name == string(b) {
			*p = Priority(i)
			return nil
		}
	}
	return fmt.Errorf("%w: priority %q, must be one of %q", ErrOptions, b, priorityNames)
}

func (p Priority) valid() bool { return p >= Critical && p <= Low }

// prioritySet is a set of priorities, a bit each.
type prioritySet uint8

// setOf is the set of what is valid of ps.
func setOf(ps []Priority) (s prioritySet) {
	for _, p := range ps {
		s = s.with(p)
	}
	return s
}

func (s prioritySet) with(p Priority) prioritySet {
	if !p.valid() {
		return s
	}
	return s | 1<<(p-Critical)
}

func (s prioritySet) without(p Priority) prioritySet { return s &^ prioritySet(0).with(p) }
func (s prioritySet) has(p Priority) bool            { return s.with(p) == s }
func (s prioritySet) valid() bool                    { return s>>priorities == 0 }

// list returns the priorities of the set, highest first.
func (s prioritySet) list() (ps []Priority) {
	for p := Critical; p <= Low; p++ {
		if s.has(p) {
			ps = append(ps, p)
		}
	}
	return ps
}

// names are those of list.
func (s prioritySet) names() (names []string) {
	for _, p := range s.list() {
		names = append(names, p.String())
	}
	return names
}

func (s prioritySet) String() string { return cmp.Or(strings.Join(s.names(), ", "), "none") }

// Policy says what a lane does when a subscriber is a whole lap behind.
type Policy uint8

const (
	// Reliable lanes make producers wait, and lose nothing.
	Reliable Policy = iota + 1
	// Lossy lanes overwrite the oldest events, and count what each
	// subscriber misses.
	Lossy
)

func (p Policy) String() string {
	switch p {
	case 0:
		return "unspecified"
	case Reliable:
		return "reliable"
	case Lossy:
		return "lossy"
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// MarshalText returns the policy's name.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a policy's name.
func (p *Policy) UnmarshalText(b []byte) error {
	for _, q := range []Policy{0, Reliable, Lossy} {
		if q.String() == string(b) {
			*p = q
			return nil
		}
	}
	return fmt.Errorf("%w: policy %q, must be %q or %q", ErrOptions, b, Reliable, Lossy)
}

// Wait says how a subscription waits for events. The zero value stands for "not
// said".
type Wait uint8

const (
	// WaitAuto pauses a very short time, lets other threads run, then parks. In a
	// stream of events one by one, on one Normal or Low lane, it waits up to 10 us for
	// several; on such lanes of a bus within one process it lets other goroutines run
	// once more for each event that came in, 1,024 times at most.
	WaitAuto Wait = iota + 1
	// WaitPark parks at once: least processor time, and the best choice
	// where processes share cores.
	WaitPark
	// WaitSpin never parks: shortest latency, and a whole core.
	WaitSpin
)

func laneName(p Priority, shard int) string { return fmt.Sprintf("%s/%d", p, shard) }

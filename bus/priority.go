package bus

import "fmt"

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
	// WaitAuto pauses a very short time, lets other threads run, then parks.
	WaitAuto Wait = iota + 1
	// WaitPark parks at once: least processor time, and the best choice
	// where processes share cores.
	WaitPark
	// WaitSpin never parks: shortest latency, and a whole core.
	WaitSpin
)

func laneName(p Priority, shard int) string { return fmt.Sprintf("%s/%d", p, shard) }

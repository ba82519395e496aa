package conformance_test

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// The events of all behaviours: one Go type under several names.
type note struct {
	Seq  uint64
	Word codec.String32
}

// kinds are the types of events, by name: their priority.
var kinds = map[string]bus.TypeOptions{
	"alarm": {Priority: bus.Critical},
	"call":  {Priority: bus.High},
	"tick":  {Priority: bus.Normal, Also: []bus.Priority{bus.Critical}},
	"tock":  {Priority: bus.Normal},
	"crumb": {Priority: bus.Low}, // on a lossy lane
}

func kind(name string) bus.TypeOptions {
	o, ok := kinds[name]
	if !ok {
		panic("no kind of event is called " + name)
	}
	o.Name = name
	return o
}

// setup is what the buses of a behaviour are opened with.
type setup struct {
	Dir      string
	Geometry bus.Geometry
	Heal     time.Duration
	Timeout  time.Duration
}

func (o *setup) options() *bus.Options {
	return &bus.Options{Dir: o.Dir, Geometry: o.Geometry, Heal: o.Heal, Timeout: o.Timeout}
}

// capacity is that of every lane of small.
const capacity = 64

// small is a geometry that fills up soon. Nobody is evicted, unless the behaviour
// says so.
func small() bus.Geometry {
	lane := bus.LaneGeometry{Capacity: capacity, SlotSize: 256, Ports: 12, Pins: 128, Batch: 16, EvictAfter: -1}
	return bus.Geometry{
		Participants: 8, Subscribers: 32, Types: 16,
		Critical: lane, High: lane, Normal: lane, Low: lane,
	}
}

// order is a line to a role, report the line that answers it. Orders are carried
// out at the same time, each answered when it is done.
type order struct {
	ID   int
	Do   string
	With json.RawMessage
}

type report struct {
	ID     int
	More   bool            `json:",omitempty"` // there will be another
	Result json.RawMessage `json:",omitempty"`
	Failed *failure        `json:",omitempty"`
}

// failure is an error on its way through a pipe: its text, and which of the known
// errors it is.
type failure struct {
	Text string
	Is   []string
}

func (f *failure) Error() string { return f.Text }

var known = map[string]error{
	"ErrClosed": bus.ErrClosed, "ErrDraining": bus.ErrDraining, "ErrTimeout": bus.ErrTimeout,
	"ErrFull": bus.ErrFull, "ErrEmpty": bus.ErrEmpty, "ErrNoSlot": bus.ErrNoSlot, "ErrInUse": bus.ErrInUse,
	"ErrSchema": bus.ErrSchema, "ErrOptions": bus.ErrOptions, "ErrTooLarge": bus.ErrTooLarge, "ErrLag": bus.ErrLag,
	"ErrNoSubscriber": bus.ErrNoSubscriber, "ErrNotExist": bus.ErrNotExist, "ErrSpent": bus.ErrSpent,
	"ErrPinBudget": bus.ErrPinBudget, "ErrOverloaded": bus.ErrOverloaded, "ErrGroup": bus.ErrGroup,
}

func failed(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for name, e := range known {
		if errors.Is(err, e) {
			f.Is = append(f.Is, name)
		}
	}
	slices.Sort(f.Is)
	return f
}

// is tells whether the failure is of that name; "" is none at all.
func (f *failure) is(name string) bool {
	if f == nil || name == "" {
		return f == nil && name == ""
	}
	return slices.Contains(f.Is, name)
}

// got is what a receiver gets: an event, or a gap.
type got struct {
	Kind     string
	Seq      uint64
	Word     string
	Tail     string
	Key      uint64
	Priority bus.Priority
	Shard    int
	Position uint64
	Source   int
	Timed    bool
	Gap      *gap `json:",omitempty"`
}

// gap is a LagError.
type gap struct {
	Priority bus.Priority
	Shard    int
	Missed   uint64
	Resumed  uint64
	Evicted  bool
}

// What roles are told and answer. Names are those that the test gives to what a
// role holds.
type (
	hello struct{ ID int }

	makePublisher struct {
		Name, Kind string
		Exclusive  bool
		Require    bool
	}
	// publish publishes events From, From+1 and so on.
	publish struct {
		Name      string
		How       string // "" for Publish
		From      uint64
		N         int
		Key, Keys uint64 // a key for all, or 1 + seq mod Keys for each
		Priority  bus.Priority
		Tail      string
		Word      string
		Timeout   time.Duration
	}
	published struct {
		N      int
		Failed *failure `json:",omitempty"`
	}
	flood struct {
		Name string
		How  string
		Keys uint64
	}

	subscribe struct {
		Name    string
		Kinds   []string // none for all
		Options bus.SubscribeOptions
		Filter  *condition
	}
	// receive receives N events, or until an error other than a gap comes if N is
	// 0.
	receive struct {
		Name    string
		How     string // "" for Receive
		N       int
		Timeout time.Duration
	}
	received struct {
		Events []got
		Failed *failure `json:",omitempty"`
	}
	// stamped is an event of a stream, and when it came.
	stamped struct {
		got
		At int64
	}
	// tally is received in short, for many events.
	tally struct {
		Received, Missed, Gaps uint64
		Disorder               uint64            // events that came before one they should have come after
		ByKey                  map[uint64]uint64 // how many of each
		Failed                 *failure          `json:",omitempty"`
	}

	named struct{ Name string }

	// condition is a filter.
	condition struct {
		Keys    []uint64
		Sources []int
		Kinds   []string
		Field   string
		Is      string // the method of Field
		Values  []uint64
		Text    string
		Odd     bool // a function: Seq is odd
		Not     *condition
		And, Or []condition
	}
)

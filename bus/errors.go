package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// What a call may meet. Compare with errors.Is.
var (
	// ErrClosed says that the bus, publisher or subscription has been closed. It
	// is an os.ErrClosed, too.
	ErrClosed error = &known{"closed", []error{os.ErrClosed}}
	// ErrDraining says that the bus is draining, or has drained: publish calls
	// accept nothing more, and a subscription has taken all that it is to get. It
	// is an ErrClosed, too. See Bus.Drain.
	ErrDraining error = &known{"draining", []error{ErrClosed, os.ErrClosed}}
	// ErrTimeout says that a receive with a time limit found no event in time,
	// see Options.Timeout and ReceiveTimeout, or that a call had no reply by its
	// deadline, see Client.Call. It is an os.ErrDeadlineExceeded and a context.DeadlineExceeded, too.
	ErrTimeout error = &known{"no event in time", []error{os.ErrDeadlineExceeded, context.DeadlineExceeded}}
	// ErrUnsupported says that this operating system has no shared regions;
	// OpenLocal works everywhere.
	ErrUnsupported = errors.ErrUnsupported

	// ErrFull says that a reliable lane has no room: a subscriber is a whole
	// lap behind; see FullError.
	ErrFull = ring.ErrFull
	// ErrNoSubscriber says that nobody takes what a publisher with
	// RequireSubscriber was to publish, or that nobody serves what a Client calls.
	ErrNoSubscriber = errors.New("bus: no subscriber")
	// ErrEmpty says that there is no event now.
	ErrEmpty = errors.New("bus: no event")
	// ErrNoSlot says that a port has no slot free: its loans are all out, or, of
	// what is not on loan, all is still being read.
	ErrNoSlot = ring.ErrNoSlot
	// ErrNoPort says that all producers' seats of a lane are taken.
	ErrNoPort = ring.ErrNoPort
	// ErrPinBudget says that the windows of all subscribers of a lane would
	// exceed its pin budget.
	ErrPinBudget = ring.ErrPinBudget
	// ErrTooMany says that a table of the region is full: participants,
	// subscribers or types.
	ErrTooMany = errors.New("bus: table of the region is full")
	// ErrInUse says that a live process holds what was asked for: a region that
	// is to be removed, a durable subscription, or a group; see InUseError.
	ErrInUse = shm.ErrInUse
	// ErrCorrupt says that the region holds what no process of ours wrote; see
	// Bus.Check for what to do then.
	ErrCorrupt = ring.ErrCorrupt
	// ErrFault says that the region's memory has gone: a peer has truncated it.
	// See Bus.Check.
	ErrFault = shm.ErrFault
	// ErrGeometry says that the region is not as the caller asked; see
	// GeometryError.
	ErrGeometry = errors.New("bus: geometry differs")
	// ErrSchema says that two processes disagree on a type; see SchemaError.
	ErrSchema = errors.New("bus: type differs")
	// ErrGroup says that a subscription does not fit the group that it is to
	// join; see GroupError.
	ErrGroup = errors.New("bus: group differs")
	// ErrOptions says that an option is out of its bounds, does not go with
	// another, or asks for what the region does not have; the text says which.
	ErrOptions = errors.New("bus: invalid options")
	// ErrTooLarge says that an event does not fit its lane; see SizeError.
	ErrTooLarge = errors.New("bus: event too large")
	// ErrLag says that a subscriber has missed events; see LagError.
	ErrLag = errors.New("bus: events missed")
	// ErrOverloaded says that a server has refused a request, or a handler has
	// dropped an event, before it had begun: its Backlog was full, or it was
	// closing.
	ErrOverloaded = errors.New("bus: refused: its backlog is full, or it is closing")
	// ErrSpent says that a loan has been published or discarded before.
	ErrSpent = errors.New("bus: loan is spent")
)

// What Open, Inspect and Remove may find under a region's name. None of these
// changes what is there.
var (
	// ErrNotExist says that there is no region of that name; of RemoveDurable,
	// RemoveGroup and OpenStatic, no subscription, group or ring of it.
	ErrNotExist = shm.ErrNotExist
	// ErrForeign says that the file is not a region, or that another program made
	// that for a purpose of its own.
	ErrForeign = shm.ErrForeign
	// ErrDamaged says that the file is not whole, so that it cannot be joined;
	// ErrCorrupt is what is found later. See RemoveDamaged.
	ErrDamaged = shm.ErrCorrupt
	// ErrRemoved says, of a region that this process is attached to, that it has
	// been removed, or that another one has its name by now; see Bus.Check.
	ErrRemoved = shm.ErrRemoved
	// ErrVersion says that another release has made the region.
	ErrVersion = shm.ErrVersion
	// ErrOwner says that the region belongs to somebody whom we do not trust.
	ErrOwner = shm.ErrOwner
	// ErrNoSpace says that the file system has no room for the region.
	ErrNoSpace = shm.ErrNoSpace
)

// known is an error that stands for errors of other packages as well.
type known struct {
	text string
	as   []error
}

func (e *known) Error() string        { return e.text }
func (e *known) Is(target error) bool { return slices.Contains(e.as, target) }

// InUseError says who has a durable subscription, or is in a group.
type InUseError struct {
	Durable string // of a durable subscription
	Group   string // of a group
	PID     int
	Process string
}

func (e *InUseError) Error() string {
	if e.Group != "" {
		return fmt.Sprintf("bus: group %q has a member in process %d (%s)", e.Group, e.PID, e.Process)
	}
	return fmt.Sprintf("bus: durable subscription %q is in use by process %d (%s)", e.Durable, e.PID, e.Process)
}

// Is makes it an ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// ended is why a context is done: its error, and its cause where that says more.
// It returns nil while ctx is not done.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// asked turns what package shm says of bad options into our ErrOptions.
func asked(err error) error {
	if errors.Is(err, shm.ErrOptions) || errors.Is(err, shm.ErrName) {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return err
}

// GeometryError names each difference between the region and what was asked.
type GeometryError struct {
	Region      string
	Differences []string
}

func (e *GeometryError) Error() string {
	return fmt.Sprintf("bus: region %s has another geometry than asked for: %s; ask for nothing to adopt it, or remove the region",
		e.Region, strings.Join(e.Differences, "; "))
}

// Is makes it an ErrGeometry.
func (e *GeometryError) Is(target error) bool { return target == ErrGeometry }

// SchemaError names each difference between a type as this process declares it
// and as the region has it.
type SchemaError struct {
	Type        string
	Differences []string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("bus: type %s is registered with another declaration: %s; build all processes from one declaration, or give it another name",
		e.Type, strings.Join(e.Differences, "; "))
}

// Is makes it an ErrSchema.
func (e *SchemaError) Is(target error) bool { return target == ErrSchema }

// GroupError names each difference between a group and a subscription that was to
// join it.
type GroupError struct {
	Group       string
	Differences []string
}

func (e *GroupError) Error() string {
	return fmt.Sprintf("bus: group %q wants something else: %s; subscribe all its members alike, use another name, or forget the group with RemoveGroup",
		e.Group, strings.Join(e.Differences, "; "))
}

// Is makes it an ErrGroup.
func (e *GroupError) Is(target error) bool { return target == ErrGroup }

// SizeError says by how much an event is too large.
type SizeError struct {
	Lane string
	Need int // bytes with header, optional parts, value and tail
	Slot int // bytes of the lane's slots
}

func (e *SizeError) Error() string {
	lane, _, _ := strings.Cut(e.Lane, "/")
	if lane != "" {
		lane = strings.ToUpper(lane[:1]) + lane[1:]
	}
	return fmt.Sprintf("bus: event of %d bytes (header, value and tail) does not fit lane %s with slots of %d; shorten its tail, or create the region with Geometry.%s.SlotSize %d or more",
		e.Need, e.Lane, e.Slot, lane, (e.Need+63)&^63)
}

// Is makes it an ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }

// LagError says that events were overwritten before the subscriber came to
// them. It is not fatal: the next call goes on. Every gap is reported once, with
// its exact size. A reliable lane overtakes only whom it has evicted.
// SubscribeOptions.OnLag says where the subscription goes on; what it leaves
// behind counts as missed.
type LagError struct {
	Priority Priority
	Shard    int
	Static   string // name of the static ring, if it is one that was read
	Missed   uint64 // events of the lane, of whatever type
	Resumed  uint64 // position that the subscription goes on with
	Evicted  bool   // it had held a reliable lane back for too long
}

func (e *LagError) Error() string {
	why := "it was overtaken"
	if e.Evicted {
		why = "it had held the lane back for too long and was evicted"
	}
	lane := laneName(e.Priority, e.Shard)
	if e.Static != "" {
		lane = staticLane(e.Static)
	}
	return fmt.Sprintf("bus: subscription missed %d events on lane %s: %s; receive again to go on at position %d",
		e.Missed, lane, why, e.Resumed)
}

// Is makes it an ErrLag.
func (e *LagError) Is(target error) bool { return target == ErrLag }

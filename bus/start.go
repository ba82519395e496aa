package bus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rvoip/shmbus/ring"
)

// Start says where a new subscription begins.
type Start uint8

const (
	// StartNewest begins with the first event accepted after Subscribe.
	StartNewest Start = iota
	// StartOldest begins with the oldest event that each lane still holds.
	StartOldest
	// StartPosition begins at SubscribeOptions.Position, or at Positions. What
	// a lane does not hold any more is a gap: the first receive call returns
	// a *LagError with its exact size.
	StartPosition
)

// Resume says where a subscription goes on after a gap, once a *LagError has told
// how many events it missed.
type Resume uint8

const (
	// ResumeOldest goes on with the oldest event that the lane still holds, so
	// that nothing is given up that is still there. On a lossy lane it leaves
	// an eighth of the lane, which would be overwritten next.
	ResumeOldest Resume = iota
	// ResumeNewest goes on with the next event to be published, and counts as
	// missed all that was published before: for state of which only the
	// latest matters.
	ResumeNewest
)

// LaneID names a lane. As text, and as a key of JSON, it is "normal/0".
type LaneID struct {
	Priority Priority
	Shard    int
}

func (id LaneID) String() string { return laneName(id.Priority, id.Shard) }

// MarshalText returns the lane's name.
func (id LaneID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads a lane's name.
func (id *LaneID) UnmarshalText(b []byte) error {
	name, shard, ok := strings.Cut(string(b), "/")
	n, err := strconv.Atoi(shard)
	if !ok || err != nil || n < 0 {
		return fmt.Errorf(`%w: lane %q, must be like "normal/0"`, ErrOptions, b)
	}
	if err := id.Priority.UnmarshalText([]byte(name)); err != nil {
		return fmt.Errorf("lane %q: %w", b, err)
	}
	id.Shard = n
	return nil
}

// LaneID returns the lane of the event.
func (h Header) LaneID() LaneID { return LaneID{h.Priority, h.Shard} }

// ID returns the name of the lane, as SubscribeOptions.Positions takes it.
func (l LaneInfo) ID() LaneID {
	var p Priority
	_ = p.UnmarshalText([]byte(l.Name)) // ours
	return LaneID{p, l.Shard}
}

func (l *lane) id() LaneID { return LaneID{l.priority, l.shard} }

// checkStart tells what is wrong with where a subscription of these lanes of the
// region is to begin, and to go on.
func (o *SubscribeOptions) checkStart(r *region, lanes []*subLane) error {
	switch {
	case o.OnLag > ResumeNewest:
		return fmt.Errorf("%w: OnLag is %d", ErrOptions, o.OnLag)
	case o.Start > StartPosition:
		return fmt.Errorf("%w: Start is %d", ErrOptions, o.Start)
	case o.Start != StartPosition && (o.Position != 0 || o.Positions != nil):
		return fmt.Errorf("%w: Position and Positions are for Start: StartPosition", ErrOptions)
	case o.Start != StartPosition:
		return nil
	case o.Position != 0 && o.Positions != nil:
		return fmt.Errorf("%w: Position and Positions are both given; Position is for a single lane", ErrOptions)
	case o.Positions == nil && len(lanes) > 1:
		return fmt.Errorf("%w: Position is for a single lane, this subscription reads %d; use Positions", ErrOptions, len(lanes))
	case o.Positions == nil:
		return nil
	}
	for _, l := range lanes {
		if _, ok := o.Positions[l.id()]; !ok {
			return fmt.Errorf("%w: Positions has none for lane %s, which this subscription reads", ErrOptions, l.name())
		}
	}
	for id := range o.Positions {
		if !slices.ContainsFunc(r.lanes, func(l *lane) bool { return l.id() == id }) {
			return fmt.Errorf("%w: Positions names lane %s, which this region does not have", ErrOptions, id)
		}
	}
	return nil
}

// newReader opens a reader on cursor i, which has window pins reserved.
func (l *subLane) newReader(i, window int, o *SubscribeOptions) *ring.Reader {
	r := l.NewReader(i, window)
	if o.OnLag == ResumeNewest {
		r.PreferNewest()
	}
	switch {
	case o.Filter.wakeKeys() == nil:
		if o.looksAt > 0 {
			r.Expect(o.looksAt)
		}
	case o.Group == "":
		r.ExpectFew()
	default:
		r.Expect(eventHeader)
	}
	return r
}

// begin takes the reader to where the options say that a new subscription
// begins.
func (l *subLane) begin(o *SubscribeOptions) error {
	switch o.Start {
	case StartOldest:
		l.reader.JoinOldest()
	case StartPosition:
		at := o.Position
		if o.Positions != nil {
			at = o.Positions[l.id()]
		}
		if next := l.Tail(); at-l.Start() > next-l.Start() {
			return fmt.Errorf("%w: position %d of lane %s is ahead of it: its next event will be %d; is it of another region?",
				ErrOptions, at, l.name(), next)
		}
		l.reader.JoinAt(at)
	default:
		l.reader.Join()
	}
	return nil
}

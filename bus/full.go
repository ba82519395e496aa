package bus

import (
	"fmt"
	"strings"

	"github.com/rvoip/shmbus/ring"
)

// FullError says which subscription holds a full lane back: the one that is
// furthest behind. A publish call that may wait returns it when its context is
// done before there is room. It is an ErrFull, and wraps what ended the context.
type FullError struct {
	Lane       string // as in "normal/0"
	Subscriber string // name of the subscription
	Durable    string // its durable name, "" if it is not durable
	Group      string // the group whose lease of the lane it is, "" if it is none
	PID        int    // of the process that has it, 0 if none has
	Process    string // name of that process
	Behind     uint64 // events published and not received; 0 if nobody holds the lane back any more
	Err        error  // what ended the wait
}

func (e *FullError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "bus: lane %s is full: ", e.Lane)
	switch {
	case e.Behind == 0:
	case e.PID != 0:
		fmt.Fprintf(&s, "subscription %q of process %d (%q) is %d events behind: ", e.Subscriber, e.PID, e.Process, e.Behind)
	case e.Group != "":
		fmt.Fprintf(&s, "group %q, of which no member has the lane, is %d events behind; start a member, or forget it with RemoveGroup: ", e.Group, e.Behind)
	case e.Durable != "":
		fmt.Fprintf(&s, "durable subscription %q, which no process has, is %d events behind; start its process, or forget it with RemoveDurable: ", e.Durable, e.Behind)
	default:
		fmt.Fprintf(&s, "subscription %q is %d events behind: ", e.Subscriber, e.Behind)
	}
	return fmt.Sprint(s.String(), e.Err)
}

// Is makes it an ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Unwrap returns what ended the wait.
func (e *FullError) Unwrap() error { return e.Err }

// givesUp is the error of a wait for room that err ends.
func (l *laneUse) givesUp(err error) error {
	e := &FullError{Lane: l.name(), Err: err}
	var worst ring.Gate
	for _, g := range l.Gates(nil) {
		if g.Behind > worst.Behind {
			worst = g
		}
	}
	if worst.Behind == 0 {
		return e
	}
	r := l.bus.region
	rec := &r.subscribers[worst.Reader]
	e.Subscriber, e.Durable, e.Behind = rec.name.get(), rec.durable.get(), worst.Behind
	if rec.kind.Load() == kindLease {
		e.Durable, e.Group = "", e.Durable
	}
	if owner := subState(rec.state.Load()).owner(); owner >= 0 && owner < len(r.participants) {
		e.PID, e.Process = int(r.participants[owner].pid.Load()), r.participants[owner].name.get()
	}
	return e
}

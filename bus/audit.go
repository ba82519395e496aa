package bus

import (
	"errors"
	"fmt"
)

// Audit looks for what must hold of a region while nobody publishes, takes a loan
// or subscribes, and after its dead participants have been recovered: each slot
// of a lane is named by exactly one entry or cell, each lane holds its last events
// without a gap, and each port, cursor, pin and draft of a type belongs to somebody
// who is there. It is for tests and tools; it only reads. The error wraps
// ErrCorrupt and names what contradicts that; others are ErrClosed and ErrFault.
func (b *Bus) Audit() error { return b.guarded(b.region.audit) }

func (r *region) audit() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...))
	}
	there := func(owner int) bool {
		return owner >= 0 && owner < len(r.participants) && r.participants[owner].state.Load() == participantActive
	}
	for i := range r.subscribers {
		st := subState(r.subscribers[i].state.Load())
		if st.state() != subFree && st.state() != subDetached && !there(st.owner()) {
			wrong("subscription %d belongs to participant %d, which is not there", i, st.owner())
		}
	}
	for i := range r.types.records {
		if o := r.types.owner(i).Load(); o != 0 && o != recordShared && !there(int(o-1)) {
			wrong("type record %d is the draft of participant %d, which is not there", i, int64(o-1))
		}
	}
	for _, l := range r.lanes {
		if err := l.Check(); err != nil {
			errs = append(errs, laneError(l, err))
		}
		for port := range l.Geometry().Ports {
			if o := l.PortOwner(port); o != 0 && !there(int(o-1)) {
				wrong("port %d of lane %s belongs to participant %d, which is not there", port, l.name(), int64(o-1))
			}
		}
		for i := range r.subscribers {
			rec := &r.subscribers[i]
			if c := l.Cursor(i); (c.Joined || c.Reserved > 0) && (!rec.exists() || rec.lanes.Load()&l.bit() == 0) {
				wrong("lane %s has a cursor of subscription %d with %d pins, which does not read it", l.name(), i, c.Reserved)
			}
		}
	}
	return errors.Join(errs...)
}

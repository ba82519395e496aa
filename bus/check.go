package bus

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/shm"
)

// Check says whether the region is whole: nil if it is, as far as can be seen
// while others use it. ErrRemoved says that it has been removed, or that another
// one has its name by now: who is attached to it goes on, and meets nobody who
// comes later. ErrCorrupt says that the file or its tables hold what no process of
// ours wrote, ErrFault that the file has been truncated. Events are not looked at,
// nor are the lanes: calls that meet a word that cannot be return ErrCorrupt.
//
// It makes a few system calls. Call it when others fail with ErrCorrupt or
// ErrFault, to know whether one event was spoilt or the region, and now and then.
// A region that is spoilt is replaced so, by each of its processes:
//
//	_ = b.RemoveForce() // only while the name stands for this very region
//	_ = b.Close()
//	b, err = bus.Open(name, options)
func (b *Bus) Check() error {
	return b.guarded(func() error {
		if err := b.mem.Check(); errors.Is(err, ErrDamaged) {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		} else if err != nil {
			return err
		}
		if err := b.region.check(); err != nil {
			return fmt.Errorf("region %s: %w; remove it by force, close it, and create it anew", b.Name(), err)
		}
		return nil
	})
}

// check looks at each word of the tables that has values it cannot have.
func (r *region) check() error {
	for i := range r.participants {
		if st := r.participants[i].state.Load(); st > participantActive {
			return fmt.Errorf("%w: participant %d has state %d", ErrCorrupt, i, st)
		}
	}
	for i := range r.subscribers {
		rec := &r.subscribers[i]
		st, kind, lanes := subState(rec.state.Load()), rec.kind.Load(), rec.lanes.Load()
		switch {
		case st.state() > subDetached || st.owner() >= len(r.participants):
			return fmt.Errorf("%w: subscription %d has state %d and owner %d", ErrCorrupt, i, st.state(), st.owner())
		case kind > kindLease:
			return fmt.Errorf("%w: subscription %d is of kind %d", ErrCorrupt, i, kind)
		case lanes>>len(r.lanes) != 0:
			return fmt.Errorf("%w: subscription %d has lanes %#x of %d", ErrCorrupt, i, lanes, len(r.lanes))
		}
	}
	for i := range r.types.order {
		t, err := r.types.at(i)
		if err != nil {
			return err
		}
		// The place before may have been taken since we looked there, but only before
		// this one was.
		if t != nil && i > 0 && r.types.order[i-1].Load() == 0 {
			return fmt.Errorf("%w: type %d lies behind the last one", ErrCorrupt, i+1)
		}
	}
	return nil
}

// RemoveForce removes the region that this bus is attached to, whatever its
// state, and its static rings. If that has been done before, or if another region
// has its name by now, it does nothing. So when the processes of a spoilt region all
// call it, Close, and Open again, none removes the region that another has just
// made, and all meet in the same one. The bus stays open, with memory that nobody
// else can join any more.
func (b *Bus) RemoveForce() error {
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	mem, ok := b.mem.(*shm.Region)
	if !ok {
		return nil // nobody else ever sees it
	}
	if err := mem.RemoveForce(); err != nil {
		return asked(err)
	}
	id := mem.ID()
	return removeStatics(mem.Name(), hex.EncodeToString(id[:]), &b.opts)
}

// RemoveDamaged is the function RemoveForce for a region that cannot be joined, as
// Open says with ErrDamaged. A whole region, or none, it leaves as it is: of many
// processes that start, each may call it and Open again, and all meet in the same
// region. "REGION/RING" names a static ring.
func RemoveDamaged(name string, o *Options) error {
	err := remove(name, o, shm.RemoveDamaged)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// stateOf is the state of a region of which Check says err.
func stateOf(err error) State {
	switch {
	case errors.Is(err, ErrRemoved):
		return StateRemoved
	case errors.Is(err, ErrDamaged) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrFault):
		return StateCorrupt
	}
	return StateOpen
}

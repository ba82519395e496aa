package bus

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/rvoip/shmbus/codec"
)

// StaticOptions are the shape of a static ring, as whoever makes it says. A zero
// field means the default then, and "as it is" for a ring that exists. A nil
// *StaticOptions means all defaults.
type StaticOptions struct {
	// Capacity is how many events the ring holds, a power of two. Default 4096.
	Capacity int
	// Policy says what happens when a subscriber is a whole lap behind. Default
	// Reliable.
	Policy Policy
	// Ports is how many publishers there can be at a time. Default 8.
	Ports int
	// Pins is the pin budget: the sum of the windows of all subscribers. Default
	// 256.
	Pins int
	// Batch is how many events a publisher can hold on loan, or fill before it
	// publishes them. Default 64.
	Batch int
	// EvictAfter is how long a subscriber that does not move may hold a full
	// reliable ring back. Default 1s; negative means for ever.
	EvictAfter time.Duration
	// Participants and Subscribers bound how many processes may have opened the
	// ring, and how many subscriptions exist. Default 64 each.
	Participants int
	Subscribers  int
	// TypeName overrides the name of the type, as TypeOptions.Name.
	TypeName string
	// Join never creates a ring: without one OpenStatic returns ErrNotExist.
	Join bool
}

// Static is a ring of its own for the events of one type, beside a bus: its
// publishers and subscribers are bound to T when the program is compiled. A slot
// holds a T and nothing else: no header, key, tail or time, and so no type to
// test, no filter and no priority. All else is as on a lane of the bus: many
// processes may publish and subscribe, reliable or lossy, with everything that
// the package says of windows, eviction, waiting, kills and Close. It is safe for
// concurrent use.
type Static[T any] struct {
	ring *staticRing

	mu     sync.Mutex
	closed bool
	ends   map[staticEnd]struct{}
}

// staticEnd is a publisher or a subscriber.
type staticEnd interface{ Close() error }

// OpenStatic opens the static ring of that name beside the bus's region, or makes
// it. Of a bus of Open it is a region of its own that any process with the same
// bus can open, and that Remove takes away together with the bus's; on one of
// OpenLocal it is kept by the bus. The name has up to 63 letters, digits, '.', '_'
// and '-'.
//
// Another process that has declared T otherwise, or has made the ring for another
// type, gets a *SchemaError that names the differences; one that asks for another
// shape than the ring has, a *GeometryError.
func OpenStatic[T any](b *Bus, name string, o *StaticOptions) (*Static[T], error) {
	if o == nil {
		o = &StaticOptions{}
	}
	layout, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	typ := declared[T](reflect.TypeFor[T](), TypeOptions{Name: o.TypeName})
	if len(typ.Name) > maxTypeName {
		return nil, fmt.Errorf("%w: type name %q is longer than %d bytes", ErrOptions, typ.Name, maxTypeName)
	}
	// Every process must say the same, so it is no matter of what T says.
	r, err := b.openStatic(name, &typeInfo{id: staticType, name: typ.Name, priority: Normal, layout: layout}, o)
	if err != nil {
		return nil, err
	}
	return &Static[T]{ring: r, ends: make(map[staticEnd]struct{})}, nil
}

// Name returns the name of the ring.
func (s *Static[T]) Name() string { return s.ring.name }

// Snapshot describes the ring, with whoever has it open.
func (s *Static[T]) Snapshot() (Snapshot, error) { return s.ring.bus.Snapshot() }

// RemoveDurable forgets a durable subscription to the ring that no process has, as
// Bus.RemoveDurable does.
func (s *Static[T]) RemoveDurable(name string) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.ring.bus.RemoveDurable(name)
}

// Close closes the publishers and subscribers that were made here, and lets go of
// the ring unless others of this bus have it open. Closing the bus does it, too.
// It is idempotent.
func (s *Static[T]) Close() error {
	s.mu.Lock()
	ends := s.ends
	done := s.closed
	s.closed, s.ends = true, nil
	s.mu.Unlock()
	if done {
		return nil
	}
	var errs []error
	for e := range ends {
		errs = append(errs, e.Close())
	}
	return errors.Join(append(errs, s.ring.leave())...)
}

// add keeps an end for Close. One that comes too late is closed.
func (s *Static[T]) add(e staticEnd) error {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.ends[e] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		return errors.Join(s.err(), e.Close())
	}
	return nil
}

func (s *Static[T]) forget(e staticEnd) {
	s.mu.Lock()
	delete(s.ends, e) // of a nil map, too
	s.mu.Unlock()
}

func (s *Static[T]) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.err()
	}
	return nil
}

func (s *Static[T]) err() error { return fmt.Errorf("static ring %s: %w", s.ring.name, ErrClosed) }

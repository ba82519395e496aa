package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cmp"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// laneUse is what this process has on one lane: a few seats that all its
// publishers share, so that hundreds of them cost no more slots than a handful.
type laneUse struct {
	*lane
	bus   *Bus
	index int

	mu    sync.Mutex // grows seats
	seats atomic.Pointer[[]*seat]
	turn  atomic.Uint32
	own   map[*seat]struct{} // of exclusive publishers, under mu

	gates gatekeeper
}

// seat is one port in use. The mutex is held while an event is filled and
// published, never while anybody waits for anything.
type seat struct {
	mu         seatLock
	use        *laneUse
	prod       *ring.Producer
	number     int // among those of this process on the lane
	counts     *publishCounts
	way        way
	contention contention
	loans      int
	lent       []uint32 // by cell: how often it was lent, and how often that ended
	// Either way it publishes nothing more.
	closed, draining bool
}

// newSeat claims a port.
func (l *laneUse) newSeat() (_ *seat, err error) {
	b := l.bus
	if err := b.admit(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.leave()
		}
	}()
	defer b.caught(protect(), &err)
	prod, err := l.claim()
	if errors.Is(err, ErrNoPort) {
		b.recoverDead() // perhaps a dead process has one
		prod, err = l.claim()
	}
	switch {
	case errors.Is(err, ErrNoPort):
		return nil, fmt.Errorf("lane %s: %w; all %d are taken: raise Ports in %s", l.name(), err, l.Geometry().Ports, l.shaped())
	case err != nil:
		return nil, fmt.Errorf("lane %s: %w", l.name(), err)
	}
	return &seat{use: l, prod: prod, counts: &l.counts[prod.Port()], lent: make([]uint32, l.Geometry().Cells())}, nil
}

// claim takes a port that is whole. One that is not is given back only when
// another has been found, or the next to come would stumble over it again.
func (l *laneUse) claim() (*ring.Producer, error) {
	var spoilt error
	for {
		port, err := l.ClaimPort(uint64(l.bus.self + 1))
		if err != nil {
			return nil, cmp.Or(spoilt, err)
		}
		prod, err := l.NewProducer(port, l.bus.nudge)
		if err == nil {
			return prod, nil
		}
		defer l.ReleasePort(port)
		spoilt = err
	}
}

// exclusive returns a seat of one publisher's own, which writes so many bytes of most
// slots.
func (l *laneUse) exclusive(bytes int) (*seat, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.newSeat()
	if err != nil {
		return nil, err
	}
	s.mu.owned = true
	s.prod.Expect(bytes)
	if l.own == nil {
		l.own = make(map[*seat]struct{})
	}
	l.own[s] = struct{}{}
	return s, nil
}

// giveBack closes a seat of exclusive.
func (l *laneUse) giveBack(s *seat) error {
	l.mu.Lock()
	delete(l.own, s)
	l.mu.Unlock()
	return s.close()
}

// open makes sure that there is a seat, so that a publisher fails early.
func (l *laneUse) open() error {
	if l.seats.Load() != nil {
		return nil
	}
	_, err := l.grow(0)
	return err
}

// grow adds a seat if there are still n.
func (l *laneUse) grow(n int) (*seat, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var seats []*seat
	if p := l.seats.Load(); p != nil {
		seats = *p
	}
	if len(seats) > n {
		return seats[len(seats)-1], nil
	}
	s, err := l.newSeat()
	if err != nil {
		return nil, err
	}
	s.number = n
	more := slices.Concat(seats, []*seat{s})
	l.seats.Store(&more)
	return s, nil
}

// take locks a seat: one that is free, or a new one, or the next in turn.
func (l *laneUse) take(late bool) (*seat, error) {
	p := l.seats.Load()
	if p == nil {
		if err := l.open(); err != nil {
			return nil, err
		}
		p = l.seats.Load()
	}
	seats := *p
	for _, s := range seats {
		if s.mu.TryLock() {
			if s.closed || s.draining {
				return s.check(late)
			}
			return s, nil
		}
	}
	if len(seats) < l.bus.opts.PortsPerLane {
		if s, err := l.grow(len(seats)); err == nil && s.mu.TryLock() {
			return s.check(late)
		}
	}
	s := seats[int(l.turn.Add(1))%len(seats)]
	s.mu.Lock()
	return s.check(late)
}

// check returns a locked seat, or unlocks it if it publishes nothing more.
func (s *seat) check(late bool) (*seat, error) {
	if err := s.refusal(late); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s, nil
}

// refusal tells why the seat publishes nothing more. What is late belongs to
// something accepted before the bus was drained. s.mu is held.
func (s *seat) refusal(late bool) error {
	if !s.closed && (!s.draining || late) {
		return nil
	}
	if s.closed {
		return fmt.Errorf("bus %s: %w", s.use.bus.Name(), ErrClosed)
	}
	return fmt.Errorf("bus %s: %w", s.use.bus.Name(), ErrDraining)
}

// leave must be deferred directly: it turns a fault into an error, as Bus.caught
// does, and unlocks the seat.
func (s *seat) leave(old bool, err *error) {
	debug.SetPanicOnFault(old)
	v := recover()
	s.unlock()
	if v != nil {
		*err = s.use.bus.faulted(v)
	}
}

// close gives the port back, now or when the last loan has returned.
func (s *seat) close() error {
	s.mu.Seize()
	defer s.mu.Release()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.settle()
}

// settle releases the port of a closed seat without loans. s.mu is held.
func (s *seat) settle() error {
	if !s.closed || s.loans > 0 {
		return nil
	}
	b := s.use.bus
	err := b.guard(func() error {
		s.use.ReleasePort(s.prod.Port())
		return nil
	})
	return errors.Join(err, b.release())
}

// all are the seats that this process has on the lane.
func (l *laneUse) all() []*seat {
	l.mu.Lock()
	defer l.mu.Unlock()
	seats := slices.Collect(maps.Keys(l.own))
	if p := l.seats.Load(); p != nil {
		seats = append(seats, *p...)
	}
	return seats
}

func (l *laneUse) close() error {
	seats := l.all()
	err := l.bus.guarded(func() error {
		l.WakeRoom()
		return nil
	})
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	errs := []error{err}
	for _, s := range seats {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// roomWait bounds each sleep for room. It is short because a producer may wait
// for a reader that has died, and because it asks to be woken only when an
// eighth of the lane is free.
const roomWait = time.Millisecond

// awaitRoom waits until the lane has room, or until the publisher is over.
func (l *laneUse) awaitRoom(ctx context.Context, over func() error) (err error) {
	b := l.bus
	if err := b.enter(); err != nil {
		return err
	}
	defer b.leave()
	defer b.caught(protect(), &err)
	for waits := 0; ; waits++ {
		ticket, full := l.PrepareRoom()
		if !full {
			return nil
		}
		if err := over(); err != nil {
			return err
		}
		if err := ended(ctx); err != nil {
			return l.givesUp(err)
		}
		l.gates.check(l, shm.Now())
		if waits == 1 {
			// Only now: most waits are over before roomWait is.
			defer l.wakeWhenDone(ctx)()
		}
		if err := l.AwaitRoom(ticket, shm.Now()+int64(roomWait)); err != nil {
			return fmt.Errorf("wait for room on lane %s: %w", l.name(), err)
		}
	}
}

// wakeWhenDone ends waits for room when ctx is done, until the function it
// returns is called.
func (l *laneUse) wakeWhenDone(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = l.bus.guarded(func() error {
			l.WakeRoom()
			return nil
		})
	})
}

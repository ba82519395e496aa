package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// config is what a run is asked for.
type config struct {
	duration time.Duration
	seed     uint64
	dir      string // where the run's own directory goes
	out      io.Writer
}

// supervisor runs a plan: it starts, kills, freezes and thaws processes, and
// audits what they have entered into the book.
type supervisor struct {
	config
	self    string
	env     []string // of its processes, beside its own
	dir     string   // of this run
	said    *os.File
	book    *book
	bus     *bus.Bus
	plan    *plan
	again   string // the command for that, if it is not make torture
	seats   []*seat
	starter *starter
	began   time.Time
	cancel  context.CancelCauseFunc
	ctx     context.Context

	pending sync.WaitGroup // steps that seats have not done
	kills   atomic.Uint64
	freezes atomic.Uint64
	long    atomic.Uint64 // freezes of at least evictAfter
	leaves  atomic.Uint64
	quiets  int

	mu     sync.Mutex
	closed [maxLanes]span // events of lives that have ended
	failed []error
	watch  watch
	beside func(done <-chan struct{}) error // runs beside the plan, until all is over
}

func newSupervisor(ctx context.Context, c config) (s *supervisor, err error) {
	s = &supervisor{config: c, plan: newPlan(c.seed, c.duration), env: []string{"GOMAXPROCS=2", "GOTRACEBACK=all"}}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(c.dir, "shmtorture-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(s.dir)
		}
	}()
	if s.said, err = os.OpenFile(filepath.Join(s.dir, "said"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if s.book, err = openBook(s.dir, true); err != nil {
		return nil, err
	}
	if s.bus, err = bus.Open(regionName, options(s.dir, supervising, false)); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.starter = newStarter()
	for i := range taken {
		seat := &seat{supervisor: s, number: i, place: &s.book.places[i], steps: make(chan step, 4)}
		s.seats = append(s.seats, seat)
	}
	if err := s.found(); err != nil {
		s.starter.stop()
		return nil, err
	}
	return s, nil
}

// found makes what outlasts processes: the durable subscriptions and the group.
// They begin before the first event, so that they have to get all.
func (s *supervisor) found() error {
	for i := range durables {
		sp := &spec{Durable: i + 1}
		sub, err := bus.Subscribe[load](s.bus, sp.subscription())
		if err != nil {
			return fmt.Errorf("make durable subscription %s: %w", durableNames[i], err)
		}
		if err := sub.Close(); err != nil {
			return err
		}
	}
	sub, err := bus.Subscribe[load](s.bus, (&spec{Group: true}).subscription())
	if err != nil {
		return fmt.Errorf("make the group: %w", err)
	}
	return sub.Close()
}

// run does the whole plan.
func (s *supervisor) run() error {
	s.began = time.Now()
	var wg sync.WaitGroup
	for _, seat := range s.seats {
		wg.Go(seat.serve)
	}
	watching := make(chan struct{})
	var watched sync.WaitGroup
	watched.Go(func() { s.watching(watching) })
	if s.beside != nil {
		watched.Go(func() {
			if err := s.beside(watching); err != nil {
				s.fail(err)
			}
		})
	}
	err := s.steps()
	for _, seat := range s.seats {
		close(seat.steps)
	}
	wg.Wait()
	if err == nil {
		err = s.quietly(true)
	}
	close(watching)
	watched.Wait()
	if err == nil && !s.ended() {
		err = s.dismiss()
	}
	for _, seat := range s.seats {
		if seat.proc != nil {
			seat.going.Store(true)
			_ = seat.proc.Kill()
			<-seat.over
		}
	}
	s.starter.stop()
	if err == nil && !s.ended() {
		err = s.settle()
	}
	s.look()
	if err != nil {
		s.fail(err)
	}
	return s.verdict()
}

// steps hands the steps of the plan to the seats, each when it is due. Late ones
// are done at once, so that all of them are.
func (s *supervisor) steps() error {
	var stood time.Duration // at quiet points
	for {
		st, ok := s.plan.next()
		if !ok {
			_ = s.sleep(s.duration + stood - time.Since(s.began))
			s.pending.Wait()
			return nil
		}
		if err := s.sleep(st.At + stood - time.Since(s.began)); err != nil {
			return nil //nolint:nilerr // fail has been told, or the user has had enough
		}
		if st.Do == doQuiet {
			begin := time.Now()
			s.pending.Wait()
			if err := s.quietly(false); err != nil {
				return err
			}
			stood += time.Since(begin)
			continue
		}
		s.pending.Add(1)
		s.seats[st.Place].steps <- st
	}
}

func (s *supervisor) sleep(d time.Duration) error {
	if d <= 0 {
		return s.ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// fail notes a violation, and ends the run.
func (s *supervisor) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended() {
		return // what follows from the end is none of its own
	}
	s.failed = append(s.failed, err)
	s.cancel(err)
}

func (s *supervisor) ended() bool { return s.ctx.Err() != nil }

// dismiss lets all processes leave.
func (s *supervisor) dismiss() error {
	errs := make([]error, len(s.seats))
	var wg sync.WaitGroup
	for i, seat := range s.seats {
		wg.Go(func() { errs[i] = seat.leave() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// settle forgets what outlasts processes. Nothing may be left in the region then.
func (s *supervisor) settle() error {
	for _, name := range durableNames {
		if err := s.bus.RemoveDurable(name); err != nil {
			return err
		}
	}
	if err := s.bus.RemoveGroup(groupName); err != nil {
		return err
	}
	if err := s.await("the region is empty", s.empty); err != nil {
		return err
	}
	if err := s.bus.Audit(); err != nil {
		return err
	}
	if err := s.bus.Close(); err != nil {
		return err
	}
	return bus.Remove(regionName, options(s.dir, supervising, false))
}

func (s *supervisor) empty() error {
	snap, err := s.bus.Snapshot()
	if err != nil {
		return err
	}
	if len(snap.Participants) != 1 || len(snap.Subscribers) != 0 || len(snap.Groups) != 0 {
		return fmt.Errorf("%d participants, %d subscriptions and %d groups are left", len(snap.Participants), len(snap.Subscribers), len(snap.Groups))
	}
	for _, l := range snap.Lanes {
		if l.PortsUsed != 0 || l.PinsUsed != 0 {
			return fmt.Errorf("%d ports and %d pins are left on lane %s/%d", l.PortsUsed, l.PinsUsed, l.Name, l.Shard)
		}
	}
	return nil
}

// await waits until a condition holds, and says what is wrong with it if it does
// not come to that.
func (s *supervisor) await(what string, f func() error) error {
	begin := time.Now()
	for {
		err := f()
		switch {
		case err == nil:
			return nil
		case s.ended():
			return context.Cause(s.ctx)
		case time.Since(begin) > patience:
			return fmt.Errorf("%s: not within %v: %w", what, patience, err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

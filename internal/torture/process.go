package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// seat is a place as the supervisor has it. One goroutine does what the plan has
// for it, step by step.
type seat struct {
	*supervisor
	number int
	place  *place
	steps  chan step
	proc   *os.Process
	spec   *spec
	pid    atomic.Int64
	over   chan ending // how the process has ended
	going  atomic.Bool // it has been told to end
}

// ending is how a process has ended.
type ending struct {
	status syscall.WaitStatus
	err    error
}

// serve does the steps of the seat.
func (s *seat) serve() {
	for st := range s.steps {
		if err := s.do(st); err != nil {
			s.fail(fmt.Errorf("place %d: %w", s.number, err))
		}
		s.pending.Done()
	}
}

func (s *seat) do(st step) error {
	if s.ended() {
		return nil
	}
	switch st.Do {
	case doKill:
		if err := s.kill(); err != nil {
			return err
		}
	case doLeave:
		if err := s.leave(); err != nil {
			return err
		}
	case doFreeze:
		if err := s.freeze(st.For); err != nil {
			return err
		}
		if !st.Kill {
			return s.thaw()
		}
		if err := s.kill(); err != nil {
			return err
		}
	}
	return s.start(st.Next)
}

// start starts a process.
func (s *seat) start(sp *spec) error {
	text, err := json.Marshal(sp)
	if err != nil {
		return err
	}
	if n := s.place.w[placeFreezes].Load(); n%2 == 1 {
		s.place.w[placeFreezes].Store(n + 1)
	}
	s.book.begin(s.number, sp.Life)
	s.spec = sp
	s.proc, err = s.starter.start(s.self, []string{s.self, "play", s.dir, string(text)}, &os.ProcAttr{
		Files: []*os.File{nil, nil, s.said},
		Env:   append(os.Environ(), s.env...),
		Sys:   bound(),
	})
	if err != nil {
		return fmt.Errorf("start a process: %w", err)
	}
	s.pid.Store(int64(s.proc.Pid))
	s.going.Store(false)
	s.over = make(chan ending, 1)
	go s.follow(s.proc, sp, s.over)
	return nil
}

// follow waits for the end of a process. One that nobody has told to end has no
// business to.
func (s *seat) follow(proc *os.Process, sp *spec, over chan<- ending) {
	state, err := proc.Wait()
	if err != nil {
		over <- ending{err: fmt.Errorf("wait for it: %w", err)}
		return
	}
	status := state.Sys().(syscall.WaitStatus)
	if !s.going.Load() {
		s.look() // it may have said why
		s.fail(s.early(sp, status))
	}
	over <- ending{status: status}
}

// kill kills the process, wherever it is, and waits until it is gone.
func (s *seat) kill() error {
	s.going.Store(true)
	s.place.doom(s.spec.Life)
	if err := s.proc.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill it: %w", err)
	}
	status, err := s.reap()
	if err != nil {
		return err
	}
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return s.early(s.spec, status)
	}
	s.kills.Add(1)
	return nil
}

// early is the error of a process that ended though nobody had told it to.
func (s *seat) early(sp *spec, status syscall.WaitStatus) error {
	text, _ := json.Marshal(sp)
	how := fmt.Sprintf("with status %d", status.ExitStatus())
	if status.Signaled() {
		how = "by signal " + status.Signal().String()
	}
	return fmt.Errorf("process %d ended by itself, %s; it was %s and may have said why in %s", s.pid.Load(), how, text, s.said.Name())
}

// leave tells the process to leave, and waits until it has.
func (s *seat) leave() error {
	s.going.Store(true)
	if err := s.proc.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("tell it to leave: %w", err)
	}
	late := time.AfterFunc(patience, func() {
		s.fail(fmt.Errorf("place %d does not leave: it was told to %v ago", s.number, patience))
		_ = s.proc.Signal(stackSignal) // its stack is what is looked for
	})
	status, err := s.reap()
	late.Stop()
	if err != nil {
		return err
	}
	if status.Exited() && status.ExitStatus() == 0 || status.Signaled() && status.Signal() == syscall.SIGTERM {
		s.leaves.Add(1)
		return nil
	}
	return s.early(s.spec, status)
}

func (s *seat) reap() (syscall.WaitStatus, error) {
	end := <-s.over
	if end.err != nil {
		return end.status, end.err
	}
	s.proc = nil
	s.place.w[placeOp].Store(0)
	s.place.w[placeDied].Store(uint64(bus.Now()))
	s.closeAccount(s.number, s.spec.Life)
	return end.status, nil
}

// freeze stops the process, and returns when it has stood still for so long.
func (s *seat) freeze(d time.Duration) error {
	s.place.w[placeFreezes].Add(1)
	if err := s.proc.Signal(stopSignal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("freeze it: %w", err)
	}
	if awaitStopped(s.proc.Pid) {
		s.freezes.Add(1)
		if d >= evictAfter {
			s.long.Add(1)
		}
		time.Sleep(d)
	}
	return nil // if it has ended by itself, whoever waits for that says so
}

// thaw lets it go on. From before that on, time counts again.
func (s *seat) thaw() error {
	s.place.w[placeFreezes].Add(1)
	if err := s.proc.Signal(goOnSignal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("let it go on: %w", err)
	}
	return nil
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/rvoip/shmbus/shm"
)

// ErrClosed is the error of a crew that was closed.
var ErrClosed = errors.New("fleet: crew closed")

// Crew is the conductor's side: the processes of one run. The first process
// that fails ends the crew; Close kills what still runs. Its methods may be
// called from several goroutines, Start and Close from one.
type Crew struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	o      CrewOptions

	mu    sync.Mutex
	procs []*Proc
}

// CrewOptions configures a [Crew].
type CrewOptions struct {
	// Command is what starts an agent. Default: this executable with the
	// single argument "agent".
	Command []string
	// Counts asks agents to tell their progress while they run.
	Counts bool
}

// NewCrew returns a crew that ends when ctx does.
func NewCrew(ctx context.Context, o *CrewOptions) (*Crew, error) {
	c := &Crew{}
	if o != nil {
		c.o = *o
	}
	if len(c.o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("fleet: find this executable: %w", err)
		}
		c.o.Command = []string{self, "agent"}
	}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c, nil
}

// Start runs a process with one member for each spec.
func (c *Crew) Start(specs ...Spec) (*Proc, error) {
	if err := context.Cause(c.ctx); err != nil {
		return nil, err
	}
	p, err := start(c, specs)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.procs = append(c.procs, p)
	c.mu.Unlock()
	return p, nil
}

// Go lets all roles begin, and tells them all the same time.
func (c *Crew) Go() { c.tell(order{Signal: signalGo, At: shm.Now()}) }

// Drain tells all roles that no more than total events will be published.
func (c *Crew) Drain(total uint64) { c.tell(order{Signal: signalDrain, Total: total}) }

// tell gives an order to all processes. One that ended well needs no telling,
// and one that did not is reported by whoever follows it.
func (c *Crew) tell(o order) {
	for _, p := range c.all() {
		_ = p.tell(o)
	}
}

// Usage waits until all processes exited and returns what each spent.
func (c *Crew) Usage() ([]Usage, error) {
	var us []Usage
	for _, p := range c.all() {
		select {
		case <-p.exited:
			us = append(us, p.usage)
		case <-c.ctx.Done():
			return nil, context.Cause(c.ctx)
		}
	}
	return us, nil
}

// Close kills the processes that still run and waits until all are gone.
func (c *Crew) Close() {
	c.cancel(ErrClosed)
	for _, p := range c.all() {
		p.kill()
	}
	for _, p := range c.all() {
		<-p.exited
	}
}

func (c *Crew) all() []*Proc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Proc(nil), c.procs...)
}

// Member is one role as its conductor sees it.
type Member struct {
	crew   *Crew
	ready  chan struct{}
	done   chan struct{}
	result json.RawMessage
	count  counter
}

// Count is the progress the role last told.
func (m *Member) Count() uint64 { return m.count.Load() }

// AwaitReady waits until the role is prepared.
func (m *Member) AwaitReady() error { return m.await(m.ready) }

// AwaitDone waits for the role's end and puts its result into v.
func (m *Member) AwaitDone(v any) error {
	if err := m.await(m.done); err != nil {
		return err
	}
	return json.Unmarshal(m.result, v)
}

func (m *Member) await(ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	default:
	}
	select {
	case <-ch:
		return nil
	case <-m.crew.ctx.Done():
		return context.Cause(m.crew.ctx)
	}
}

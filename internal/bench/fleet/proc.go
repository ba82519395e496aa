package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"

	"github.com/rvoip/shmbus/shm"
)

type counter = atomic.Uint64

// Proc is one process of a crew.
type Proc struct {
	// Members are its roles, in the order of the specs it was started with.
	Members []*Member

	crew   *Crew
	cmd    *exec.Cmd
	in     io.WriteCloser
	enc    *json.Encoder
	inMu   sync.Mutex
	stderr tail
	exited chan struct{}
	usage  Usage // written before exited is closed
	struck atomic.Bool
}

func start(c *Crew, specs []Spec) (*Proc, error) {
	p := &Proc{crew: c, exited: make(chan struct{})}
	for range specs {
		p.Members = append(p.Members, &Member{crew: c, ready: make(chan struct{}), done: make(chan struct{})})
	}
	p.cmd = exec.Command(c.o.Command[0], c.o.Command[1:]...)
	p.cmd.Stderr = &p.stderr
	bindToParent(p.cmd)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("fleet: make a pipe: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("fleet: make a pipe: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("fleet: start an agent: %w", err)
	}
	p.in, p.enc = in, json.NewEncoder(in)
	go p.follow(out)
	if err := p.tell(order{Roles: specs, Counts: c.o.Counts}); err != nil {
		p.kill()
		<-p.exited
		return nil, err
	}
	return p, nil
}

// PID is the id of the process.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

func (p *Proc) tell(o order) error {
	p.inMu.Lock()
	defer p.inMu.Unlock()
	if err := p.enc.Encode(o); err != nil {
		return fmt.Errorf("fleet: write to agent %d: %w", p.PID(), err)
	}
	return nil
}

// kill ends the process if it still runs; os.Process never signals an id that
// has been waited for.
func (p *Proc) kill() { _ = p.cmd.Process.Kill() }

// Kill ends the process as nothing else could have: at whatever instruction it
// is, with no chance to say a word. That it ended early is no failure of the crew
// then. It returns once the process is gone.
func (p *Proc) Kill() {
	p.struck.Store(true)
	p.kill()
	<-p.exited
}

// Freeze stops the process wherever it is, until Thaw. Closing the crew kills it
// also while it is frozen.
func (p *Proc) Freeze() error { return p.signal("freeze", freezeSignal) }

// Thaw lets a frozen process go on.
func (p *Proc) Thaw() error { return p.signal("thaw", thawSignal) }

func (p *Proc) signal(what string, s os.Signal) error {
	if s == nil {
		return fmt.Errorf("fleet: %s an agent: %w", what, errors.ErrUnsupported)
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("fleet: %s agent %d: %w", what, p.PID(), err)
	}
	return nil
}

// Go lets the roles of this process begin, one that was started after the others.
func (p *Proc) Go() error { return p.tell(order{Signal: signalGo, At: shm.Now()}) }

// follow reads what the agent writes until it closes its output, then reaps it.
func (p *Proc) follow(out io.Reader) {
	defer close(p.exited)
	dec := json.NewDecoder(out)
	finished := false
	var readErr error
	for {
		var n note
		if readErr = dec.Decode(&n); readErr != nil {
			break
		}
		if n.Kind == noteUsage && n.Usage != nil {
			p.usage, finished = *n.Usage, true
			continue
		}
		if err := p.take(n); err != nil && !p.struck.Load() {
			p.crew.cancel(err)
		}
	}
	if !errors.Is(readErr, io.EOF) {
		// What it writes is not ours: nothing it says later can be trusted.
		p.kill()
	}
	_ = p.in.Close()
	err := p.cmd.Wait()
	if p.struck.Load() {
		p.usage.CPUSeconds = (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Seconds()
		return
	}
	if err != nil || !finished {
		p.crew.cancel(fmt.Errorf("fleet: agent %d ended early: %v%s", p.PID(), p.cmd.ProcessState, p.stderr.said()))
	}
}

func (p *Proc) take(n note) error {
	if n.Role < 0 || n.Role >= len(p.Members) {
		return fmt.Errorf("fleet: agent %d speaks of a role %d it does not have", p.PID(), n.Role)
	}
	m := p.Members[n.Role]
	switch n.Kind {
	case noteReady:
		closeOnce(m.ready)
	case noteCount:
		m.count.Store(n.Count)
	case noteDone:
		m.count.Store(n.Count)
		m.result = n.Result
		closeOnce(m.ready)
		closeOnce(m.done)
	case noteFailed:
		return fmt.Errorf("agent %d: %s", p.PID(), n.Error)
	}
	return nil
}

// closeOnce is called by the one goroutine that follows a process.
func closeOnce(ch chan struct{}) {
	select {
	case <-ch:
	default:
		close(ch)
	}
}

// tail keeps the end of what a process wrote to its standard error.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(p)
	if over := t.b.Len() - tailSize; over > 0 {
		t.b.Next(over)
	}
	return len(p), nil
}

func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() == 0 {
		return ""
	}
	return "; it said:\n" + t.b.String()
}

package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/examples/voip/internal/program"
)

const (
	readyWait = 15 * time.Second
	stopWait  = 15 * time.Second
)

// process is a child of the demo.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.Closer // nil if it is not one of our programs
	ready  chan program.Ready
	done   chan struct{} // closed when it has exited
	err    error         // of exit; after done
	report json.RawMessage
	errors tailBuffer
}

// start starts one of our programs and waits until it is ready.
func start(ctx context.Context, bin, name string, args ...string) (*process, program.Ready, error) {
	p := &process{name: name, ready: make(chan program.Ready, 1), done: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(bin, name), append([]string{"-attended"}, args...)...)
	p.cmd.SysProcAttr = ownGroup()
	p.cmd.Stderr = &p.errors
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, program.Ready{}, err
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, program.Ready{}, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, program.Ready{}, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.read(stdout)
		p.err = p.cmd.Wait()
	}()
	timeout := time.NewTimer(readyWait)
	defer timeout.Stop()
	select {
	case r := <-p.ready:
		return p, r, nil
	case <-p.done:
		err = p.failure("did not start")
	case <-timeout.C:
		err = p.failure("was not ready in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.kill()
	return nil, program.Ready{}, err
}

// read takes in what the program says.
func (p *process) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l program.Line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue
		}
		if l.Ready != nil {
			select {
			case p.ready <- *l.Ready:
			default:
			}
		}
		if l.Report != nil {
			p.report = l.Report
		}
	}
}

// stop asks the process to end and fills in its report.
func (p *process) stop(report any) error {
	_ = p.stdin.Close()
	return p.wait(stopWait, report)
}

// wait waits for the process to end by itself and fills in its report.
func (p *process) wait(d time.Duration, report any) error {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case <-p.done:
	case <-timeout.C:
		err := p.failure(fmt.Sprintf("did not stop within %v", d))
		p.kill()
		return err
	}
	switch {
	case p.err != nil:
		return p.failure("failed")
	case p.report == nil:
		return p.failure("gave no report")
	}
	if err := json.Unmarshal(p.report, report); err != nil {
		return fmt.Errorf("report of %s: %w", p.name, err)
	}
	return nil
}

// kill kills the process, if it still runs, and waits for its end. The process id is that of a child which has
// not been waited for, so it can be nobody else's.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) failure(what string) error {
	err := fmt.Errorf("%s %s", p.name, what)
	select {
	case <-p.done:
		if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
			err = fmt.Errorf("%w (%w)", err, exit)
		}
	default:
	}
	if said := p.errors.String(); said != "" {
		err = fmt.Errorf("%w; it said:\n%s", err, said)
	}
	return err
}

// ownGroup keeps the terminal's interrupt from the children: the demo stops them in order.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4096

// Write implements [io.Writer].
func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}

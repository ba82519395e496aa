package conduct

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	// maxLine bounds an answer, maxComplaint what is kept of standard error.
	maxLine      = 1 << 20
	maxComplaint = 4 << 10
	// farewell is how long a process may take to end when it was told to.
	farewell = 10 * time.Second
)

// process is one role.
type process struct {
	seat    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan proto.Answer // closed at the end of its output
	stderr  complaint
	exited  chan struct{}
	err     error // of waiting for it; after exited
}

func start(ctx context.Context, p Peer, c proto.Config, seat string, files []*os.File) (_ *process, err error) {
	c.Files = len(files)
	line, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	q := &process{seat: seat, cmd: exec.CommandContext(ctx, p.program, "role"), answers: make(chan proto.Answer, 4), exited: make(chan struct{})}
	q.cmd.ExtraFiles = files
	q.cmd.Stderr = &q.stderr
	q.cmd.WaitDelay = farewell
	if q.stdin, err = q.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := q.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := q.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s of %s: %w", seat, p.Name, err)
	}
	go q.read(stdout)
	if _, err := q.stdin.Write(append(line, '\n')); err != nil {
		return q, q.trouble(fmt.Errorf("configure: %w", err))
	}
	return q, nil
}

// read takes its answers, then waits for its end. Lines that are no answers are
// what a library prints; they belong to what it complains of.
func (q *process) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var a proto.Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			fmt.Fprintln(&q.stderr, lines.Text())
			continue
		}
		q.answers <- a
	}
	_, _ = io.Copy(io.Discard, stdout)
	close(q.answers)
	q.err = q.cmd.Wait()
	close(q.exited)
}

var errLate = errors.New("did not answer in time")

// await returns the next answer.
func (q *process) await(ctx context.Context, late <-chan time.Time) (proto.Answer, error) {
	select {
	case a, ok := <-q.answers:
		switch {
		case !ok:
			return a, q.trouble(errors.New("ended early"))
		case a.Error != "":
			return a, q.trouble(errors.New(a.Error))
		}
		return a, nil
	case <-late:
		return proto.Answer{}, q.trouble(errLate)
	case <-ctx.Done():
		return proto.Answer{}, ctx.Err()
	}
}

// trouble adds what the process said of it.
func (q *process) trouble(err error) error {
	if said := q.stderr.String(); said != "" {
		return fmt.Errorf("%s: %w; it said: %s", q.seat, err, said)
	}
	return fmt.Errorf("%s: %w", q.seat, err)
}

// dismiss tells the process to end, and kills it if it does not.
func (q *process) dismiss() error {
	_ = q.stdin.Close() // it may be gone already
	select {
	case <-q.exited:
	case <-time.After(farewell):
		q.kill()
		return q.trouble(errors.New("had to be killed"))
	}
	if q.err != nil {
		return q.trouble(q.err)
	}
	return nil
}

func (q *process) kill() {
	_ = q.cmd.Process.Kill() // it may be gone already
	for range q.answers {
	}
	<-q.exited
}

// complaint keeps the end of what is written to it.
type complaint struct {
	mu   sync.Mutex
	text []byte
}

func (c *complaint) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if over := len(c.text) - maxComplaint; over > 0 {
		c.text = append(c.text[:0], c.text[over:]...)
	}
	return len(p), nil
}

func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.text))
}

package bus_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// child is this test binary, started again to play a role. It is told what to do
// line by line, and answers line by line. It dies with its parent.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start plays a role in a process of its own.
func start(t testing.TB, role string, o bus.Options, args ...string) *child {
	t.Helper()
	return startBy(t, role, o, []string{os.Args[0]}, args...)
}

// startBy is start through another program, which runs the last words of by.
func startBy(t testing.TB, role string, o bus.Options, by []string, args ...string) *child {
	t.Helper()
	require.Contains(t, roles, role)
	options, err := json.Marshal(o)
	require.NoError(t, err)
	c := &child{t: t, cmd: exec.Command(by[0], append(append(by[1:len(by):len(by)], string(options)), args...)...)}
	// The race detector would make each child wait for a second before it ends.
	c.cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	// Not StdoutPipe, which Wait would close: what the child has said before it
	// was killed is still to be heard.
	out, says, err := os.Pipe()
	require.NoError(t, err)
	c.cmd.Stdout = says
	require.NoError(t, c.cmd.Start())
	require.NoError(t, says.Close())
	c.out = bufio.NewReader(out)
	t.Cleanup(func() {
		c.kill()
		_ = out.Close()
	})
	return c
}

// tell gives an order without waiting for the answer.
func (c *child) tell(format string, args ...any) {
	c.t.Helper()
	_, err := fmt.Fprintf(c.in, format+"\n", args...)
	require.NoError(c.t, err)
}

// hear returns the next line, or "" once the child has ended.
func (c *child) hear() string {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(line, "\n")
}

// ask gives an order and returns the answer.
func (c *child) ask(format string, args ...any) string {
	c.t.Helper()
	c.tell(format, args...)
	return c.hear()
}

// expect gives an order and requires an answer.
func (c *child) expect(answer, format string, args ...any) {
	c.t.Helper()
	require.Equal(c.t, answer, c.ask(format, args...))
}

// signal sends a signal to the child alone.
func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Signal(s))
}

// freeze stops the child and waits until it stands still.
func (c *child) freeze() {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for !status.Stopped() {
		_, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err != syscall.EINTR {
			require.NoError(c.t, err)
		}
	}
}

// kill kills the child with SIGKILL, unless it has ended, and reaps it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// stage is the child's side.
type stage struct {
	options bus.Options
	in      *bufio.Scanner
}

func newStage(args []string) *stage {
	s := &stage{in: bufio.NewScanner(os.Stdin)}
	must(json.Unmarshal([]byte(args[0]), &s.options))
	return s
}

// next waits for an order. At the end of input, or of the parent, it ends the
// process.
func (s *stage) next() (order string, args []string) {
	if !s.in.Scan() {
		os.Exit(0)
	}
	words := strings.Fields(s.in.Text())
	return words[0], words[1:]
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// must ends the child with a message; the parent misses the answer it expects.
func must(err error) {
	if err != nil {
		say("error: %v", err)
		os.Exit(1)
	}
}

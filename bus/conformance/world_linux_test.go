package conformance_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

const region = "conformance"

// openShared makes a world of processes on one region.
func openShared(t *testing.T, o setup) *world {
	o.Dir = t.TempDir()
	w := &world{t: t, o: o, shared: true}
	w.enter = func(p *player) error {
		c, err := newChild(t, o)
		if err != nil {
			return err
		}
		p.orders, p.reports, p.process = c.orders, c.reports, c
		return nil
	}
	w.leave = func() {
		// Nobody is attached any more, and nothing keeps the region.
		if len(w.all) > 0 {
			assert.NoError(t, bus.Remove(region, o.options()))
		}
		left, err := os.ReadDir(o.Dir)
		require.NoError(t, err)
		assert.Empty(t, left, "nothing is left of the region")
	}
	return w
}

// child is this test binary, started again for one role. It dies with its parent.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	orders  *os.File
	reports *os.File
	frozen  bool
}

func newChild(t *testing.T, o setup) (*child, error) {
	options, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	in, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &child{t: t, cmd: exec.Command(os.Args[0], string(options)), orders: orders, reports: reports}
	// The race detector would make each child wait for a second before it ends.
	c.cmd.Env = append(os.Environ(), roleEnv+"=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, out, os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = c.cmd.Start()
	t.Cleanup(func() {
		_ = orders.Close()
		_ = reports.Close()
	})
	return c, errors.Join(err, in.Close(), out.Close())
}

// playRole is the life of a child.
func playRole() {
	var o setup
	err := json.Unmarshal([]byte(os.Args[1]), &o)
	var b *bus.Bus
	if err == nil {
		b, err = bus.Open(region, o.options())
	}
	if err == nil {
		play(b, os.Stdin, os.Stdout)
		err = b.Close()
	}
	if err != nil {
		_, _ = os.Stderr.WriteString("role: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Signal(s))
}

// kill kills the process, at whatever it is doing.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// freeze stops the process and waits until it stands still.
func (c *child) freeze() {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for !status.Stopped() {
		_, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if !errors.Is(err, syscall.EINTR) {
			require.NoError(c.t, err)
		}
	}
	c.frozen = true
}

func (c *child) thaw() {
	c.t.Helper()
	c.signal(syscall.SIGCONT)
	c.frozen = false
}

// wait waits until the process has ended by itself.
func (c *child) wait() {
	if c.frozen && c.cmd.ProcessState == nil {
		c.kill() // a behaviour that failed has left it so
	}
	if c.cmd.ProcessState == nil {
		assert.NoError(c.t, c.cmd.Wait(), "a role ends in order")
	}
}

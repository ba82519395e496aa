package ring_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rvoip/shmbus/internal/leak"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// The tests with real processes start the test binary again, with a task in its
// environment. The child tells on its standard output, a line at a time:
//
//	ready          it has entered the world and is about to begin
//	at             it is at the step where it is to die or to freeze
//	went on        it has worked on since (or, without a step, has worked)
//	pinned         it holds a window
//	recovered      it has recovered whom it was to
//	end: <error>   it has stopped, in order if the error is "ok"
//
// and stops when its standard input ends.
const taskVariable = "SHMBUS_RING_TEST_TASK"

// task is what a child does.
type task struct {
	Dir      string
	Reliable bool
	Capacity int // 8 if zero
	ID       int
	Role     string
	Life     int            // of a producer: how many of its id lived before
	Hurry    bool           // publishes without permission
	Targets  []int          // of a recoverer: whom it recovers
	Step     failpoint.Step // where to die or freeze, if not empty
	Hit      int64          // the how-manieth time
	Freeze   bool
}

// enough is how much a child does before it says that it went on.
const enough = 10

func TestMain(m *testing.M) {
	if text := os.Getenv(taskVariable); text != "" {
		var tk task
		if err := json.Unmarshal([]byte(text), &tk); err != nil {
			panic(err)
		}
		os.Exit(tk.run())
	}
	os.Exit(leak.Main(m))
}

func (tk *task) geometry() ring.Geometry {
	geo := worldGeometry(tk.Reliable)
	if tk.Capacity == wideCapacity {
		return wideGeometry(tk.Reliable)
	}
	if tk.Capacity > 0 {
		geo.Capacity = tk.Capacity
	}
	return geo
}

// run is the life of a child.
func (tk *task) run() int {
	err := tk.work()
	if err == nil {
		fmt.Println("end: ok")
		return 0
	}
	fmt.Println("end:", err)
	return 1
}

func (tk *task) work() error {
	w, err := enter(tk.Dir, tk.geometry(), tk.ID)
	if err != nil {
		return err
	}
	defer func() { _ = w.leave() }()
	a := &actor{world: w, hurry: tk.Hurry}
	a.spareHolder.Store(tk.Role != "evictor")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		a.stop.Store(true)
	}()
	if tk.Step != "" {
		tk.arm(a)
	} else {
		go tk.reportProgress(a, 0)
	}
	fmt.Println("ready")
	return roles[tk.Role](a, tk)
}

// arm makes the child die or freeze when it comes to its step. Of several
// goroutines those that come first wait there, so that all are at the step when
// it dies.
func (tk *task) arm(a *actor) {
	var hits atomic.Int64
	crowd := strings.HasPrefix(tk.Role, "five ")
	failpoint.Set(func(s failpoint.Step) {
		if s != tk.Step {
			return
		}
		n := hits.Add(1)
		if n < tk.Hit && crowd {
			select {}
		}
		if n != tk.Hit {
			return
		}
		from := a.done.Load()
		fmt.Println("at")
		sig := unix.SIGKILL
		if tk.Freeze {
			sig = unix.SIGSTOP
		}
		// To this very thread, which does not come back from the call.
		runtime.LockOSThread()
		_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
		runtime.UnlockOSThread()
		go tk.reportProgress(a, from)
	})
}

func (tk *task) reportProgress(a *actor, from uint64) {
	for a.done.Load() < from+enough {
		time.Sleep(50 * time.Microsecond)
	}
	fmt.Println("went on")
}

// child is the test's end of a child process.
type child struct {
	t     *testing.T
	task  task
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
	dead  bool
}

// patience is how long a test waits for what must happen. It decides when a test
// has failed and nothing else.
const patience = 40 * time.Second

func start(t *testing.T, tk task) *child {
	t.Helper()
	text, err := json.Marshal(tk)
	require.NoError(t, err)
	c := &child{t: t, task: tk, lines: make(chan string, 16)}
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(c.kill)
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	c.expect("ready")
	return c
}

// expect waits for a line, past others; meanwhile, if given, is called again and
// again.
func (c *child) expect(line string, meanwhile ...func()) {
	c.t.Helper()
	c.expectOneOf(line, line, meanwhile...)
}

// expectOneOf waits for either of two lines and returns it.
func (c *child) expectOneOf(a, b string, meanwhile ...func()) string {
	c.t.Helper()
	for {
		got := c.next(meanwhile...)
		if got == a || got == b {
			return got
		}
		if strings.HasPrefix(got, "end") {
			require.FailNow(c.t, "a child ended early", "%s, not %q: %+v", got, a, c.task)
		}
	}
}

func (c *child) next(meanwhile ...func()) string {
	c.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case got, ok := <-c.lines:
			if !ok {
				return "end of output"
			}
			return got
		case <-tick.C:
			for _, f := range meanwhile {
				f()
			}
		case <-limit:
			require.FailNow(c.t, "a child says nothing", "%+v", c.task)
		}
	}
}

// awaitKilled waits until the child has died of SIGKILL.
func (c *child) awaitKilled() {
	c.t.Helper()
	for range c.lines {
	}
	_ = c.cmd.Wait()
	c.dead = true
	ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(c.t, ok)
	require.True(c.t, ws.Signaled() && ws.Signal() == syscall.SIGKILL, "child %+v: %v", c.task, c.cmd.ProcessState)
}

// awaitFrozen waits until the child has stopped.
func (c *child) awaitFrozen() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
		_, after, ok := strings.Cut(string(stat), ") ")
		return err == nil && ok && after[0] == 'T'
	}, patience, 200*time.Microsecond)
}

// thaw lets a frozen child go on.
func (c *child) thaw() { require.NoError(c.t, c.cmd.Process.Signal(unix.SIGCONT)) }

// stop ends a child in order.
func (c *child) stop() {
	c.t.Helper()
	require.NoError(c.t, c.stdin.Close())
	c.expect("end: ok")
	for range c.lines {
	}
	assert.NoError(c.t, c.cmd.Wait(), "child %+v", c.task)
	c.dead = true
}

func (c *child) kill() {
	if c.dead {
		return
	}
	_ = c.cmd.Process.Kill()
	for range c.lines {
	}
	_ = c.cmd.Wait()
	c.dead = true
}

// holderID is the participant that keeps its window until it is evicted.
const holderID = 5

// roles are what a child may do, each until it is stopped.
var roles = map[string]func(a *actor, tk *task) error{
	"producer":       func(a *actor, tk *task) error { return a.produce(tk.Life, 1, 0) },
	"batch producer": func(a *actor, tk *task) error { return a.produce(tk.Life, worldBatch, 0) },
	"port changer":   func(a *actor, tk *task) error { return a.produce(tk.Life, 1, 2) },
	"evictor":        func(a *actor, tk *task) error { return a.produce(tk.Life, 1, 0) },
	"joiner":         func(a *actor, _ *task) error { return a.visit() },
	"reader": func(a *actor, _ *task) error {
		f, err := a.join(0, (*ring.Reader).Join)
		if err != nil {
			return err
		}
		return f.follow(true, false)
	},
	"sleeper": func(a *actor, _ *task) error {
		f, err := a.join(0, (*ring.Reader).Join)
		if err != nil {
			return err
		}
		return f.follow(false, true)
	},
	"pinner": func(a *actor, _ *task) error {
		f, err := a.join(0, (*ring.Reader).Join)
		if err != nil {
			return err
		}
		return f.pin()
	},
	"five producers": func(a *actor, _ *task) error {
		return five(func(k int) error { return a.produce(k, 1, 0) })
	},
	"five readers": func(a *actor, _ *task) error {
		return five(func(k int) error {
			f, err := a.join(k, (*ring.Reader).JoinOldest)
			if err != nil {
				return err
			}
			return f.follow(false, false)
		})
	},
	"recoverer": func(a *actor, tk *task) error {
		for _, id := range tk.Targets {
			if dead, err := a.recover(id); err != nil || !dead {
				return fmt.Errorf("participant %d is dead: %t, %w", id, dead, err)
			}
		}
		fmt.Println("recovered")
		a.done.Add(enough)
		for !a.stop.Load() {
			time.Sleep(100 * time.Microsecond)
		}
		return nil
	},
}

func five(f func(k int) error) error {
	errs := make(chan error, 5)
	for k := range 5 {
		go func() { errs <- f(k) }()
	}
	for range 5 {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

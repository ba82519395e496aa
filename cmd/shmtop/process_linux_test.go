package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"go.uber.org/goleak"
)

// Some tests look at a real region, which real processes use: this test binary
// started again with a role.

const (
	roleEnv    = "SHMTOP_TEST_ROLE"
	regionEnv  = "SHMTOP_TEST_REGION"
	patience   = 30 * time.Second
	pollEvery  = 10 * time.Millisecond
	testRegion = "switch"
	testEvents = 1000
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		if err := playRole(role, os.Getenv(regionEnv)); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		return
	}
	// The library cannot take a tick back that it has begun to wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/charmbracelet/bubbletea.Tick.func1"))
}

type callEvent struct{ Seq uint64 }

func (callEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.call", Priority: bus.High}
}

func testOptions(dir, process string) *bus.Options {
	g := bus.DefaultGeometry()
	g.Critical.Capacity, g.High.Capacity, g.Normal.Capacity, g.Low.Capacity = 64, 4096, 64, 64
	g.Critical.SlotSize, g.High.SlotSize, g.Normal.SlotSize, g.Low.SlotSize = 128, 128, 128, 128
	g.High.EvictAfter = -1 // a slow machine is no reason to evict
	return &bus.Options{Dir: dir, Process: process, Geometry: g}
}

// playRole is a process: it says "ready" when it is, and leaves at the end of
// its standard input.
func playRole(role, path string) error {
	dir, name := filepath.Split(path)
	b, err := bus.Open(name, testOptions(dir, role))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	switch role {
	case "publisher":
		p, err := bus.NewPublisher[callEvent](b, nil)
		if err != nil {
			return err
		}
		for i := range uint64(testEvents) {
			if err := p.Publish(ctx, &callEvent{Seq: i}); err != nil {
				return err
			}
		}
		done <- p.Close()
	case "reader":
		s, err := bus.Subscribe[callEvent](b, &bus.SubscribeOptions{Name: "counter"})
		if err != nil {
			return err
		}
		go func() {
			for ctx.Err() == nil {
				_, _ = s.Receive(ctx)
			}
			done <- s.Close()
		}()
	case "hung":
		if _, err := bus.Subscribe[callEvent](b, &bus.SubscribeOptions{Name: "ledger", Durable: "ledger"}); err != nil {
			return err
		}
		done <- nil
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	return errors.Join(<-done, b.Close())
}

// process is a child in a role.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
}

func start(t *testing.T, role, dir string) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, regionEnv+"="+filepath.Join(dir, testRegion))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{t: t, cmd: cmd, stdin: stdin}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends it as a crash would; it may have ended before.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// freeze stops it at whatever instruction it is, and waits until it has stopped.
func (p *process) freeze() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
	require.Eventually(p.t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
		_, state, _ := strings.Cut(string(stat), ") ")
		return err == nil && strings.HasPrefix(state, "T")
	}, patience, pollEvery)
}

// thaw lets it go on.
func (p *process) thaw() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGCONT))
}

// leave lets it close its bus.
func (p *process) leave() {
	p.t.Helper()
	require.NoError(p.t, p.stdin.Close())
	require.NoError(p.t, p.cmd.Wait())
}

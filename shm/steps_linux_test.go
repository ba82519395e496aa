package shm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() { roles["mortal"] = mortal }

// mortal DIR NAMED STEP HOW N does all that can be done with a region's files, and when it comes to that step for the
// nth time it is killed or stopped. What others do to the region meanwhile may get in its way.
func mortal(c *stage, args []string) {
	n, err := strconv.Atoi(args[4])
	must(err)
	step = func(name string) {
		if name != args[2] {
			return
		}
		if n--; n != 0 {
			return
		}
		sig := unix.SIGKILL
		if args[3] == "freeze" {
			sig = unix.SIGSTOP
		}
		// To this very thread, which does not come back from the call before it has had its effect.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		must(unix.Tgkill(os.Getpid(), unix.Gettid(), sig))
	}
	o := &Options{Dir: args[0], Size: testSize, Init: pattern}
	s, err := newSpec("victim", o)
	must(err)
	must(s.checkNew())
	dir, err := openDirectory(args[0])
	must(err)
	tolerate := func(r *Region, err error) {
		switch {
		case err == nil && r != nil:
			must(checkPattern(r.Bytes()))
			must(r.Release())
		case errors.Is(err, ErrExists), errors.Is(err, ErrNotExist), errors.Is(err, ErrInUse), errors.Is(err, ErrBusy):
		default:
			must(err)
		}
	}
	tolerate(dir.create(s, args[1] == "true"))
	tolerate(Open("victim", o))
	tolerate(View("victim", o))
	tolerate(nil, Remove("victim", o))
	tolerate(dir.create(s, args[1] == "true"))
	tolerate(nil, RemoveForce("victim", o))
	c.say("end")
}

// stepNames are the steps that the sources of this package name.
func stepNames(t *testing.T) (names []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	call := regexp.MustCompile(`\tstep\("([^"]+)"\)`)
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range call.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

// A process is killed, and in another run stopped, at each step of the life of a region, with the remains of others
// about. Whoever comes then gets a whole region, and once all are gone no file is left.
func TestEveryStepOfARegionIsSurvived(t *testing.T) {
	steps := stepNames(t)
	require.Greater(t, len(steps), 12)
	for _, mode := range []string{"kill", "freeze"} {
		total := 0
		for i, at := range steps {
			reached := 0
			for _, named := range []string{"false", "true"} {
				for n := 1; mortalAt(t, named, at, mode, n); n++ {
					reached++
					if testing.Short() {
						break
					}
				}
			}
			t.Logf("%2d of %d  %-20s %s, %d times", i+1, len(steps), at, mode, reached)
			assert.Positivef(t, reached, "step %q is not reached", at)
			total += reached
		}
		t.Logf("%d steps, %d runs, all survived: %s", len(steps), total, mode)
	}
}

// mortalAt is one run. It returns false if the step was not reached so often.
func mortalAt(t *testing.T, named, at, mode string, n int) bool {
	t.Helper()
	what := fmt.Sprintf("%s at %q, time %d, named %s", mode, at, n, named)
	dir, err := os.MkdirTemp(t.TempDir(), "")
	require.NoError(t, err)
	for _, left := range []string{lockName("victim", [16]byte{1}), tempNames("victim", [16]byte{2})[1]} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, left), nil, 0o600))
	}
	c := start(t, "mortal", dir, named, at, mode, strconv.Itoa(n))
	if mode == "kill" {
		if last := c.hear(); last != "" {
			require.Equal(t, "end", last, what)
			return false
		}
		c.wait()
		require.Equal(t, syscall.SIGKILL, c.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), what)
	} else if !c.stopped() {
		require.Equal(t, "end", c.hear(), what)
		return false
	}

	o := &Options{Dir: dir, Size: testSize, Init: pattern}
	r, _, err := OpenOrCreate("victim", o)
	if mode == "freeze" && errors.Is(err, ErrBusy) { // it stands still in a removal: what the error says helps
		if err = RemoveForce("victim", o); errors.Is(err, ErrNotExist) {
			err = nil
		}
		require.NoError(t, err, what)
		r, _, err = OpenOrCreate("victim", o)
	}
	require.NoError(t, err, what)
	require.NoError(t, checkPattern(r.Bytes()), what)
	require.True(t, tryLockOK(t, r, 0), what)
	again, err := Open("victim", o)
	require.NoError(t, err, what)
	require.Equal(t, r.ID(), again.ID(), what)
	require.NoError(t, again.Release())

	if mode == "freeze" {
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGCONT))
		require.Equal(t, "end", c.hear(), what)
		c.wait()
		require.NoError(t, checkPattern(r.Bytes()), what)
	}
	require.NoError(t, r.Release())
	if err := Remove("victim", o); !errors.Is(err, ErrNotExist) { // what went on may have removed it by force
		require.NoError(t, err, what)
	}
	d, err := openDirectory(dir)
	require.NoError(t, err)
	defer d.close()
	d.sweep("victim")
	require.Empty(t, files(t, dir), what)
	return true
}

// stopped waits until the child has stopped or ended.
func (c *child) stopped() bool {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); !errors.Is(err, syscall.EINTR) {
			require.NoError(c.t, err)
			return status.Stopped()
		}
	}
}

package shm

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rvoip/shmbus/internal/leak"
	"github.com/stretchr/testify/require"
)

// roles are what a child process, which is this test binary started again, can play. Each reads lines from standard
// input and writes lines to standard output; at the end of input it returns.
var roles = map[string]func(c *stage, args []string){}

const roleEnv = "SHM_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		roles[role](&stage{bufio.NewReader(os.Stdin)}, os.Args[1:])
		os.Exit(0)
	}
	os.Exit(leak.Main(m))
}

// stage is a child's side of the conversation.
type stage struct{ in *bufio.Reader }

func (s *stage) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// hear waits for a line from the parent, and ends the process when there is no more.
func (s *stage) hear() string {
	line, err := s.in.ReadString('\n')
	if err != nil {
		os.Exit(0)
	}
	return strings.TrimSuffix(line, "\n")
}

// must ends the child with a message; the parent fails for want of the line it expects.
func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// child is the parent's side.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, role string, args ...string) *child {
	t.Helper()
	require.Contains(t, roles, role)
	c := &child{t: t, cmd: exec.Command(os.Args[0], args...)}
	// The race detector would make each child wait for a second before it ends.
	c.cmd.Env = append(os.Environ(), roleEnv+"="+role, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	c.in, c.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		c.kill()
		c.wait()
	})
	return c
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) say(line string) {
	c.t.Helper()
	_, err := io.WriteString(c.in, line+"\n")
	require.NoError(c.t, err)
}

// hear returns the child's next line, or "" when it ended.
func (c *child) hear() string {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(line, "\n")
}

func (c *child) expect(line string) {
	c.t.Helper()
	require.Equal(c.t, line, c.hear())
}

// kill sends SIGKILL but does not reap.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

// wait reaps the child, whatever its end was.
func (c *child) wait() { _ = c.cmd.Wait() }

// finish closes the child's input and requires that it ends well.
func (c *child) finish() {
	c.t.Helper()
	require.NoError(c.t, c.in.Close())
	require.NoError(c.t, c.cmd.Wait())
}

// testSize is a region of a few pages.
const testSize = 64 << 10

// shmDir is a directory in /dev/shm, which others may enter, that is gone after the test.
func shmDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(DefaultDir, "shm-test-")
	if err != nil {
		dir = t.TempDir()
	}
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// eachDir runs a test on the file system of temporary files and on that of shared memory.
func eachDir(t *testing.T, test func(t *testing.T, dir string)) {
	t.Run("tmp", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("shm", func(t *testing.T) { test(t, shmDir(t)) })
}

// newTestRegion creates a region that is released after the test.
func newTestRegion(t testing.TB, dir, name string) *Region {
	t.Helper()
	r, err := Create(name, &Options{Dir: dir, Size: testSize, Meta: []byte("meta of " + name)})
	require.NoError(t, err)
	releaseAfter(t, r)
	return r
}

func openTestRegion(t *testing.T, dir, name string) *Region {
	t.Helper()
	r, err := Open(name, &Options{Dir: dir})
	require.NoError(t, err)
	releaseAfter(t, r)
	return r
}

// releaseAfter releases what is not yet released when the test ends.
func releaseAfter(t testing.TB, r *Region) {
	t.Cleanup(func() {
		if r.refs.Load() > 0 {
			require.NoError(t, r.Release())
		}
	})
}

// files returns the names in dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// needRoot skips a test that only root can do.
func needRoot(t *testing.T, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: " + what)
	}
}

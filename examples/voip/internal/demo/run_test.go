package demo

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rvoip/shmbus/examples/voip/internal/caller"
	"github.com/rvoip/shmbus/examples/voip/internal/mediad"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
	"github.com/rvoip/shmbus/examples/voip/internal/rtpd"
	"github.com/rvoip/shmbus/examples/voip/internal/sipd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary plays each program under whose name it is started, so that the processes of the
// tests are real ones and are built as the tests are, with the race detector or without.
func TestMain(m *testing.M) {
	programs := map[string]func() program.Program{
		"sipd": sipd.Program, "rtpd": rtpd.Program, "mediad": mediad.Program, "caller": caller.Program,
	}
	if p, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(p().Main())
	}
	goleak.VerifyTestMain(m)
}

// testOptions returns a small demo, in directories of its own.
func testOptions(t *testing.T) *options {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	o := &options{
		Bin: t.TempDir(), Dir: t.TempDir(), Calls: 3, Rate: 10, Seconds: 1, Level: -10,
		Caller: callerOwn, Outage: 300 * time.Millisecond,
	}
	for _, name := range []string{"sipd", "rtpd", "mediad", "caller"} {
		require.NoError(t, os.Symlink(self, filepath.Join(o.Bin, name)))
	}
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(func() {
		assert.Empty(t, entries(t, o.Dir), "something of the region is left")
		assert.Empty(t, entries(t, os.Getenv("TMPDIR")), "temporary files are left")
	})
	require.NoError(t, o.check())
	return o
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func requireGood(t *testing.T, r *result) {
	t.Helper()
	var table bytes.Buffer
	r.print(&table)
	require.Empty(t, r.problems(), table.String())
	assert.Contains(t, table.String(), "nothing was lost")
}

func TestCalls(t *testing.T) {
	o := testOptions(t)
	r, err := run(context.Background(), o, io.Discard)
	require.NoError(t, err)
	requireGood(t, r)
	assert.EqualValues(t, 5*o.Calls, r.sipd.States, "offered, ringing, answered, confirmed, ended")
	assert.Equal(t, o.packets(), r.caller.Packets)
	assert.EqualValues(t, 1, r.mediad.Starts)
	for _, lane := range []string{"critical", "high", "normal"} {
		assert.NotZero(t, r.mediad.Latency[lane].Count, lane)
	}
}

func TestCallsWithMediadKilled(t *testing.T) {
	o := testOptions(t)
	o.Kill, o.Seconds = "mediad", 2
	r, err := run(context.Background(), o, io.Discard)
	require.NoError(t, err)
	requireGood(t, r)
	require.Len(t, r.kills, 1)
	assert.NotEqual(t, r.kills[0].Before, r.kills[0].After)
	assert.EqualValues(t, 2, r.mediad.Starts, "the second process went on with the state of the first")
}

func TestCallsFromSIPp(t *testing.T) {
	if _, err := exec.LookPath("sipp"); err != nil {
		t.Skip("SIPp is not installed (Debian package sip-tester)")
	}
	o := testOptions(t)
	o.Caller = callerSIPp
	r, err := run(context.Background(), o, io.Discard)
	require.NoError(t, err)
	requireGood(t, r)
}

// The cleanup of testOptions checks that nothing is left.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("packets")) { // the calls are on
			cancel()
		}
		return len(p), nil
	})
	_, err := run(ctx, testOptions(t), out)
	require.ErrorContains(t, err, "interrupted")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestProgramMissing(t *testing.T) {
	o := testOptions(t)
	require.NoError(t, os.Remove(filepath.Join(o.Bin, "sipd")))
	_, err := run(context.Background(), o, io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOptions(t *testing.T) {
	for _, args := range []string{"-kill rtpd", "-caller me", "-calls 0", "-rate NaN", "-seconds 0.1", "-level 9"} {
		_, err := parse(strings.Fields(args), io.Discard)
		assert.Error(t, err, args)
	}
	o, err := parse(nil, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 50*5*50, o.packets())
}

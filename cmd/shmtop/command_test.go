package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shmtop runs the program with captured output, without a terminal.
func shmtop(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"shmtop"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsageErrorsExitWithTwo(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"flag provided but not defined: -bogus", []string{"-bogus"}},
		{"flag provided but not defined: -bogus", []string{"ls", "-bogus"}},
		{`one region at a time: "a" and "b" are both given`, []string{"a", "-once", "b"}},
		{"at least 20ms", []string{"a", "-once", "-interval", "1ms"}},
		{"at least 20ms", []string{"a", "-interval=-1s"}},
		{"invalid value", []string{"a", "-interval", "soon"}},
		{"flag needs an argument", []string{"a", "-dir"}},
		{`ls takes no argument "x"`, []string{"ls", "x"}},
	} {
		code, stdout, stderr := shmtop(c.args...)
		assert.Equal(t, exitUsage, code, "%q", c.args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, c.want)
		assert.Contains(t, stderr, "shmtop -help")
	}
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	for _, args := range [][]string{{"-help"}, {"--help"}, {"-h"}, {"ls", "-help"}} {
		code, stdout, stderr := shmtop(args...)
		assert.Equal(t, exitOK, code)
		assert.Contains(t, stdout, "USAGE:")
		assert.Empty(t, stderr)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := shmtop("-version")
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `^shmtop version .*\(go`, stdout)
	assert.Empty(t, stderr)
}

func TestEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := shmtop("-dir", dir)
	assert.Equal(t, exitError, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "no region in "+dir+": start a process that opens one, or look elsewhere with -dir or SHMBUS_DIR")

	code, stdout, _ = shmtop("ls", "-dir", dir)
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "no region in "+dir+"\n", stdout)

	code, stdout, _ = shmtop("-dir", dir, "ls", "-json")
	assert.Equal(t, exitOK, code)
	assert.JSONEq(t, "[]", stdout)

	t.Setenv("SHMBUS_DIR", dir)
	code, stdout, _ = shmtop("ls")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stdout, dir)
}

func TestUnknownRegion(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"nope", "-dir", dir}, {"-once", "-json", dir + "/nope"}} {
		code, stdout, stderr := shmtop(args...)
		assert.Equal(t, exitError, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, `read region "nope" in `+dir)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"shmtop", "nope", "-once", "-wait"}, {"shmtop", "-wait"}} {
		var out, errs bytes.Buffer
		code := run(ctx, append(args, "-dir", t.TempDir()), strings.NewReader(""), &out, &errs)
		assert.Equal(t, exitError, code)
		assert.Contains(t, errs.String(), context.Canceled.Error())
	}
}

func TestReportIsPlainText(t *testing.T) {
	snap := switchSnapshot()
	snap.Types = nil
	text := plainTheme().report(newSampler(0).add(snap, t0), 0)
	assert.NotContains(t, text, "\x1b")
	for _, want := range []string{
		"voip ● open · 47.0 MiB · 4 of 5 processes alive · - events/s\n",
		"▲ high is full: its publishers wait for mediad (pid 4242)\n",
		"\nLanes\n", "\nSubscribers\n", "\nProcesses\n", "\nTypes\n  none registered\n",
	} {
		assert.Contains(t, text, want)
	}
	lines := strings.Split(text, "\n")
	var row string
	for _, l := range lines {
		if strings.HasPrefix(l, "  low ") {
			row = l
			break
		}
	}
	require.NotEmpty(t, row)
	assert.Equal(t, []string{"low", "lossy", "━━━━━━━", "16.4k", "-", "1.07G", "70.0k", "0", "0", "0", "1/16", "16/256", "1", "16384x256"}, strings.Fields(row))
}

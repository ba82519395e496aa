package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary is a member when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "member" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// Four processes share 16 lanes with 1,000 keys: the order of each key is exact
// through joins, leaves and kills of members; every event is handled at least once,
// and none twice but from a killed member's unfinished work. With -v it prints what
// happened.
func TestGroupOfFourProcesses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	args := []string{"-members", "4", "-shards", "16", "-keys", "1000", "-each", "200", "-rounds", "16"}
	if testing.Short() {
		args = []string{"-keys", "1000", "-each", "20", "-rounds", "8"}
	}
	var out, errs bytes.Buffer
	code := app(args, strings.NewReader(""), &out, &errs)
	t.Log("\n" + out.String())
	require.Zero(t, code, errs.String())
	assert.Contains(t, out.String(), "1000 keys: the order of each is exact")
	assert.Regexp(t, `[1-9]\d* members killed; \d+ events came twice`, out.String())
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A ledger that tells of a fault is not taken for a good one.
func TestLedgerFaults(t *testing.T) {
	type entry struct{ key, seq uint64 }
	for want, entries := range map[string][]entry{
		"key 1: event 1 was handled where 0 was due": {{0, 0}, {0, 1}, {1, 1}},
		"key 1: 1 of 2 events were handled":          {{0, 0}, {1, 0}, {0, 1}},
		"key 0: event 0 was handled twice":           {{0, 0}, {0, 0}},
	} {
		l, err := openLedger(filepath.Join(t.TempDir(), "ledger"))
		require.NoError(t, err)
		for _, e := range entries {
			require.NoError(t, l.append(e.key, e.seq))
		}
		_, err = l.check(2, 2, nil)
		require.ErrorContains(t, err, want)
		require.NoError(t, l.close())
	}
	l, err := openLedger(filepath.Join(t.TempDir(), "ledger"))
	require.NoError(t, err)
	for _, e := range []entry{{0, 0}, {0, 0}, {0, 1}} {
		require.NoError(t, l.append(e.key, e.seq))
	}
	r, err := l.check(1, 2, map[int]bool{os.Getpid(): true})
	require.NoError(t, err)
	assert.Equal(t, result{entries: 3, keys: 1, each: 2, twice: 1}, r)
	require.NoError(t, l.close())
}

func TestFlags(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, 1, app([]string{"-members", "1"}, nil, &out, &errs))
	assert.Contains(t, errs.String(), "at least 2 members")
	assert.Equal(t, 0, app([]string{"-h"}, nil, &out, &errs))
}

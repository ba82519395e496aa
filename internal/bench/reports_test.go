package bench

import (
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReportDrawsWhatWasMeasured goes from a run to its page and picture.
func TestReportDrawsWhatWasMeasured(t *testing.T) {
	dir := t.TempDir()
	one, many := filepath.Join(dir, "one.json"), filepath.Join(dir, "many.json")
	for _, args := range [][]string{
		{"pingpong", "-wait", "park", "-json", one},
		{"fanout", "-local", "-runs", "2", "-json", many},
	} {
		status, _, errs := run(t, inDir(t, append(args, "-duration", "2ms")...)...)
		require.Zero(t, status, errs)
	}
	page, picture := filepath.Join(dir, "r.html"), filepath.Join(dir, "r.png")
	status, _, errs := run(t, "report", "-o", page, "-png", picture, one, many)
	require.Zero(t, status, errs)
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(b)
	for _, want := range []string{`<section id="pingpong">`, `<section id="fanout">`, "in one process", time.Now().UTC().Format("2006-01"), "3 of 2 configurations"} {
		assert.Contains(t, text, want, "the page lacks %s", want)
	}
	f, err := os.Open(picture)
	require.NoError(t, err)
	defer f.Close()
	size, err := png.DecodeConfig(f)
	require.NoError(t, err)
	assert.Greater(t, size.Height, 500)

	status, out, errs := run(t, "report", "-o", "-", one)
	require.Zero(t, status, errs)
	assert.True(t, strings.HasPrefix(out, "<!DOCTYPE html>"))
}

// runsOf is a file of runs of fanout with these rates.
func runsOf(t *testing.T, rates ...int) string {
	t.Helper()
	var b strings.Builder
	for _, r := range rates {
		fmt.Fprintf(&b, `{"workload":"fanout","config":{"pubs":1,"subs":2},"published_per_s":%d}`, r)
	}
	file := filepath.Join(t.TempDir(), "runs.json")
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	return file
}

func TestCompareTellsWhatDiffers(t *testing.T) {
	slow, fast := runsOf(t, 100, 101, 102, 103), runsOf(t, 200, 201, 202, 203)
	status, out, errs := run(t, "compare", slow, fast)
	require.Zero(t, status, errs)
	assert.Regexp(t, `published_per_s.*\+98\.5 %.*better`, out)
	status, out, errs = run(t, "compare", slow, slow)
	require.Zero(t, status, errs)
	assert.Regexp(t, `published_per_s.*~`, out)

	status, out, errs = run(t, "compare", "-json", slow, fast)
	require.Zero(t, status, errs)
	var r struct {
		Pairs []struct {
			Figures []struct{ Verdict string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	assert.Equal(t, "better", r.Pairs[0].Figures[0].Verdict)
}

func TestReportAndCompareExplainWrongUse(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte("{\n\"workload\": }"), 0o600))
	good := runsOf(t, 5)
	page := filepath.Join(t.TempDir(), "r.html")
	for says, args := range map[string][]string{
		"report wants files":       {"report"},
		"compare wants two files":  {"compare", good},
		"bad.json:2:13: not JSON":  {"report", "-o", page, bad},
		"no such file":             {"compare", good, filepath.Join(t.TempDir(), "none.json")},
		"cannot write":             {"report", "-o", filepath.Join(t.TempDir(), "no", "r.html"), good},
		"flag provided but not de": {"compare", "-nonsense", good, good},
	} {
		status, _, errs := run(t, args...)
		assert.NotZero(t, status, args)
		assert.Contains(t, errs, says)
	}
	assert.NoFileExists(t, page)
}

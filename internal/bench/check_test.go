package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// short is a check in little time.
func short(t *testing.T, file string, more ...string) (status int, stdout, stderr string) {
	t.Helper()
	return run(t, inDir(t, append([]string{"check", "-ratios", file, "-runs", "1", "-duration", "1ms"}, more...)...)...)
}

func stored(t *testing.T, file string) *ratios {
	t.Helper()
	r, err := readRatios(file)
	require.NoError(t, err)
	return r
}

func TestCheckStoresAndComparesRatios(t *testing.T) {
	all := checked
	t.Cleanup(func() { checked = all })
	checked = []string{"seed", "fanout -subs 1 -size 64", "pingpong -wait park"}
	file := filepath.Join(t.TempDir(), "ratios.json")
	status, _, errs := short(t, file)
	require.Equal(t, exitFailed, status)
	assert.Contains(t, errs, "-store makes them")

	status, _, errs = short(t, file, "-store")
	require.Zero(t, status, errs)
	r := stored(t, file)
	require.Len(t, r.Lines, len(checked))
	assert.Positive(t, r.Taken.CPUs)
	assert.False(t, r.Taken.Time.IsZero())

	// A run of a millisecond says little, so the margin is wide.
	status, out, errs := short(t, file, "-margin", "1e9")
	require.Zero(t, status, errs)
	for _, args := range checked {
		assert.Contains(t, out, args)
	}

	// What was a thousandth before is worse by far now.
	for i := range r.Lines {
		r.Lines[i].Ratio /= 1e3
	}
	r.Lines = r.Lines[1:]
	b, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, b, 0o600))
	status, out, errs = short(t, file)
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, errs, "worse than what is stored: seed (not stored); fanout")
	assert.Contains(t, out, "worse")
	assert.Contains(t, out, "make bench-ratios")
}

func TestJudgeHasAMargin(t *testing.T) {
	of := func(ratio, allocs float64, floor string) *ratios {
		return &ratios{Lines: []ratioLine{{Args: "seed", Ratio: ratio, RatioOf: floor, AllocsPerEvent: allocs, best: ratio}}}
	}
	var out strings.Builder
	a := &app{stdout: &out}
	require.NoError(t, a.judge(of(2, 0, "x"), of(3.9, 0, "x"), 2))
	require.NoError(t, a.judge(of(2, 0, "x"), of(0.1, 0.04, "x"), 2))
	require.ErrorIs(t, a.judge(of(2, 0, "x"), of(4.1, 0, "x"), 2), errWorse)
	require.ErrorIs(t, a.judge(of(2, 0, "x"), of(2, 0.2, "x"), 2), errWorse)
	require.ErrorIs(t, a.judge(of(2, 0, "x"), of(2, 0, "y"), 2), errWorse)
	require.NoError(t, a.judge(of(2, 1, "x"), of(2, 2, "x"), 2))
	assert.Contains(t, out.String(), "more allocations")
	lucky := of(4.1, 0, "x")
	lucky.Lines[0].best = 3
	require.ErrorIs(t, a.judge(of(2, 0, "x"), lucky, 2), errWorse)
	assert.Contains(t, out.String(), "is the machine quiet?")
}

func TestStoredRatiosAreChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ratios.json")
	for text, says := range map[string]string{
		"{": "-store makes it anew", `{"lines":[{"args":"seed","ratio":0}]}`: "has a ratio of 0", `{"lines":[{"args":"seed","ratio":1,"allocs_per_event":-1}]}`: "-1 allocations",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := readRatios(file)
		assert.ErrorContains(t, err, says)
	}
}

// TestTheCheckedInRatiosFitTheList finds a list that changed without them.
func TestTheCheckedInRatiosFitTheList(t *testing.T) {
	r := stored(t, filepath.Join("..", "..", "bench", "ratios.json"))
	for _, args := range checked {
		assert.NotNil(t, r.line(args), "bench/ratios.json lacks %q: make bench-ratios", args)
	}
	assert.Len(t, r.Lines, len(checked))
}

func TestCheckExplainsWrongUse(t *testing.T) {
	for says, args := range map[string][]string{
		"-runs 0": {"-runs", "0"}, "-duration": {"-duration", "0s"}, "-margin 0.5": {"-margin", "0.5"}, "no argument": {"extra"},
	} {
		status, _, errs := run(t, append([]string{"check"}, args...)...)
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, errs, says)
	}
}

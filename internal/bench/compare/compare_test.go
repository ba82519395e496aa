package compare

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/bench/runs"
)

// made are runs of fanout with these rates; their other figures follow.
func made(t *testing.T, model string, rates ...float64) []*runs.Run {
	t.Helper()
	var b strings.Builder
	for _, r := range rates {
		fmt.Fprintf(&b, `{"workload":"fanout","config":{"pubs":1,"subs":1,"size":64},"published":1000,"published_per_s":%g,
			"publish_ns":%g,"ratio":2,"cpu_seconds":%g,"machine":{"model":%q}}`, r, 1e9/r, 1e-4+1/r, model)
	}
	rs, err := runs.Parse("made.json", []byte(b.String()))
	require.NoError(t, err)
	return rs
}

func figureOf(t *testing.T, r *Result, name string) *Figure {
	t.Helper()
	require.NotEmpty(t, r.Pairs)
	for _, f := range r.Pairs[0].Figures {
		if f.Name == name {
			return f
		}
	}
	require.Fail(t, "no figure "+name)
	return nil
}

func compared(t *testing.T, a, b []*runs.Run) *Result {
	t.Helper()
	r, err := Runs(a, b)
	require.NoError(t, err)
	return r
}

func TestAKnownDifferenceIsFound(t *testing.T) {
	a := made(t, "m", 100e3, 101e3, 99e3, 102e3, 98e3, 100.5e3)
	b := made(t, "m", 120e3, 121e3, 119e3, 122e3, 118e3, 120.5e3)
	r := compared(t, a, b)
	f := figureOf(t, r, "published_per_s")
	assert.Equal(t, Better, f.Verdict)
	assert.InDelta(t, 19.95, f.Change, 0.01)
	assert.InDelta(t, 0.0022, f.P, 0.0001) // 2 of 924 ways
	require.NotNil(t, f.Bounds)
	assert.Less(t, 15.0, f.Bounds.Low)
	assert.Less(t, f.Bounds.Low, f.Change)
	assert.Less(t, f.Change, f.Bounds.High)
	assert.Less(t, f.Bounds.High, 25.0)
	require.NotNil(t, f.A.Bounds)
	assert.Equal(t, Interval{98e3, 102e3}, *f.A.Bounds)
	// What takes less time is better, too, and the other way round it is worse.
	assert.Equal(t, Better, figureOf(t, r, "publish_ns").Verdict)
	assert.Equal(t, Worse, figureOf(t, compared(t, b, a), "publish_ns").Verdict)
	assert.Equal(t, Worse, figureOf(t, compared(t, b, a), "published_per_s").Verdict)
	// All the same is no difference.
	assert.Equal(t, Same, figureOf(t, r, "ratio").Verdict)
	assert.Empty(t, r.Notes)
}

func TestNoiseIsNoDifference(t *testing.T) {
	a := made(t, "m", 100e3, 130e3, 90e3, 120e3, 80e3, 110e3)
	b := made(t, "m", 105e3, 125e3, 95e3, 115e3, 85e3, 112e3)
	r := compared(t, a, b)
	f := figureOf(t, r, "published_per_s")
	assert.Equal(t, Same, f.Verdict)
	require.NotNil(t, f.Bounds)
	assert.Negative(t, f.Bounds.Low, "nothing is among what may be")
	assert.Positive(t, f.Bounds.High)
	var out strings.Builder
	r.Write(&out, "a.json", "b.json")
	assert.Regexp(t, `published_per_s .*│ +~ │`, out.String())
	assert.NotContains(t, out.String(), "better")
}

func TestTooFewRunsAreSaid(t *testing.T) {
	r := compared(t, made(t, "m", 1, 2, 3), made(t, "m", 100, 200, 300))
	f := figureOf(t, r, "published_per_s")
	assert.Equal(t, TooFew, f.Verdict)
	assert.Nil(t, f.Bounds)
	assert.Nil(t, f.A.Bounds)
	require.Len(t, r.Notes, 1)
	assert.Contains(t, r.Notes[0], "-runs 4")
	assert.Contains(t, r.Notes[0], "-runs 6")
	var out strings.Builder
	r.Write(&out, "a.json", "b.json")
	assert.Contains(t, out.String(), "± ∞")
	assert.Contains(t, out.String(), "-runs 4")

	four := figureOf(t, compared(t, made(t, "m", 1, 2, 3, 4), made(t, "m", 100, 200, 300, 400)), "published_per_s")
	assert.Equal(t, Better, four.Verdict)
	assert.NotNil(t, four.Bounds)
}

func TestWhatIsOnOneSideOnlyIsListed(t *testing.T) {
	more, err := runs.Parse("x", []byte(`{"workload":"seed","config":{"pubs":1,"subs":5}}`))
	require.NoError(t, err)
	peer, err := runs.Parse("y", []byte(`{"workload":"fanout","peer":"pipe","config":{"pubs":1,"subs":1,"size":64}}`))
	require.NoError(t, err)
	r := compared(t, append(made(t, "m", 5), more...), append(made(t, "m", 5), peer...))
	assert.Equal(t, []string{"seed: 1 to 5"}, r.OnlyA)
	assert.Equal(t, []string{"fanout: pipe: 1 to 1, 64 B"}, r.OnlyB)
	assert.Len(t, r.Pairs, 1)
	var out strings.Builder
	r.Write(&out, "a.json", "b.json")
	assert.Contains(t, out.String(), "only in A: seed: 1 to 5")
	assert.Contains(t, out.String(), "only in B: fanout: pipe")

	_, err = Runs(more, peer)
	assert.ErrorContains(t, err, "nothing was measured on both sides")
}

func TestTwoMachinesAreSaid(t *testing.T) {
	r := compared(t, made(t, "fast", 1, 2, 3, 4), made(t, "slow", 1, 2, 3, 4))
	require.Len(t, r.Notes, 1)
	assert.Contains(t, r.Notes[0], "compare ratios only")
}

func TestJSONOfAComparison(t *testing.T) {
	b, err := json.Marshal(compared(t, made(t, "m", 1, 2, 3, 4), made(t, "m", 5, 6, 7, 8)))
	require.NoError(t, err)
	var back Result
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, Better, figureOf(t, &back, "published_per_s").Verdict)
	assert.Contains(t, string(b), `"change_bounds_percent"`)
}

// TestIntervalHoldsTheTruth draws from two known distributions many times: the
// interval must miss the true ratio in no more than one of twenty, and not be so
// wide that it never does.
func TestIntervalHoldsTheTruth(t *testing.T) {
	const trials, truth = 2000, 1.3
	next := uint64(1)
	uniform := func() float64 { // of its own, so that the test is the same each time
		next ^= next << 13
		next ^= next >> 7
		next ^= next << 17
		return float64(next>>11) / (1 << 53)
	}
	missed := 0
	for range trials {
		var a, b []float64
		for range 6 {
			a = append(a, 1+0.2*uniform())
			b = append(b, truth*(1+0.2*uniform()))
		}
		in, ok := ratioBounds(a, b)
		require.True(t, ok)
		if truth < in.Low || truth > in.High {
			missed++
		}
	}
	assert.Less(t, missed, trials/20+trials/100)
	assert.Greater(t, missed, trials/100)
}

func TestManyRunsTakeTheNormalForm(t *testing.T) {
	var a, b []float64
	for i := range 40 {
		a = append(a, 100+float64(i%7))
		b = append(b, 150+float64(i%7))
	}
	in, ok := ratioBounds(a, b)
	require.True(t, ok)
	assert.Less(t, 1.4, in.Low)
	assert.Less(t, in.High, 1.55)
	assert.InDelta(t, float64(refused(25, 25)), float64(refused(26, 25)), 20, "the two forms meet")
}

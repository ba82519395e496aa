package bench

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// The subscriber with a filter gets exactly its events, and what it passed over
// makes up the rest.
func TestMatch(t *testing.T) {
	for _, args := range [][]string{
		{"-match", "0.125", "-pubs", "2", "-subs", "2"},
		{"-match", "0.01", "-batch", "16", "-read", "8"},
		{"-match", "1", "-size", "200"},
		{"-match", "0.3", "-size", "200", "-batch", "4"},
	} {
		status, out, errs := run(t, inDir(t, append([]string{"fanout", "-duration", "30ms", "-json", "-"}, args...)...)...)
		require.Zero(t, status, errs)
		var r Result
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		require.NotNil(t, r.Match)
		assert.Equal(t, r.Published, r.Match.Received+r.Match.Filtered)
		assert.Zero(t, r.Match.Lost)
		want := float64(r.Published) / float64(r.Match.Keys)
		assert.InDelta(t, want, float64(r.Match.Received), 4, "one of so many, and the last of each publisher")
		assert.Contains(t, errs, "passed over")
	}
}

func TestMatchBooksWhatWentWrong(t *testing.T) {
	k := newTracker(1, 4)
	for _, n := range []payload.Note{
		payload.NewNote(0, 0, false), payload.NewNote(0, 4, false), payload.NewNote(0, 12, false), payload.NewNote(0, 8, false),
		payload.NewNote(0, 17, false), payload.NewNote(0, 23, true),
	} {
		k.see(n, true)
	}
	assert.Equal(t, uint64(1), k.Gaps, "8 was left out")
	assert.Equal(t, uint64(1), k.Disordered, "and came too late")
	assert.Equal(t, uint64(1), k.Corrupt, "17 has another key")
	assert.True(t, k.done())

	r := &Result{Published: 10}
	c := Config{Subs: 1, Match: 0.25}
	us := []fleet.Usage{{CPUSeconds: 2}, {CPUSeconds: 0.5}}
	sent := []published{{Events: 10}} // 0, 4, 8 and the last
	r.setMatch(c, sent, received{Tracker: &tracker{Received: 4}, Filtered: 6}, us)
	assert.Zero(t, r.Lost+r.Corrupt)
	assert.InDelta(t, 0.25, r.Match.Ratio, 1e-9)
	r.setMatch(c, sent, received{Tracker: &tracker{Received: 3}, Filtered: 7}, us)
	assert.Equal(t, uint64(1), r.Lost)
	assert.Zero(t, r.Corrupt)
	r.setMatch(c, sent, received{Tracker: &tracker{Received: 4}, Filtered: 5}, us)
	assert.Equal(t, uint64(1), r.Corrupt, "it lost count")
}

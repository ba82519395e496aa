package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// fake gives its figures one after the other; a negative one is a failure.
type fake struct {
	name    string
	local   bool
	mine    bool
	figures []float64
	lost    uint64
	runs    *int
}

func (f fake) peer() proto.Peer { return proto.Peer{Name: f.name, InProcess: f.local, Version: "1"} }
func (f fake) ours() bool       { return f.mine }
func (f fake) can(c cell) bool  { return f.name != "shy" || !c.isLatency() }

func (f fake) run(_ context.Context, c cell, _ Options) (json.RawMessage, error) {
	x := f.figures[*f.runs%len(f.figures)]
	*f.runs++
	if x < 0 {
		return nil, errors.New("out of order")
	}
	r := map[string]any{"peer": f.name, "published_per_s": 2 * x, "delivered_per_s": x * float64(c.subs), "lost": f.lost, "delivered": 100 - f.lost}
	if c.isLatency() {
		r["latency_ns"] = map[string]float64{"p50": x, "p99": 2 * x}
	}
	if f.mine {
		r["floor"] = map[string]float64{"spsc_ns": 300, "spsc_event_ns": 50}
	}
	return json.Marshal(r)
}

func played(t *testing.T) *board {
	t.Helper()
	kept, err := only([]string{proto.Seed, proto.Fanout, proto.Pingpong})
	require.NoError(t, err)
	rows := []contestant{
		fake{name: "mine", mine: true, figures: []float64{9e6}, runs: new(int)},
		fake{name: "leaky", figures: []float64{4e6}, lost: 25, runs: new(int)},
		fake{name: "shy", figures: []float64{2e6}, runs: new(int)},
		fake{name: "broken", figures: []float64{-1}, runs: new(int)},
		fake{name: "within", local: true, figures: []float64{3e6}, runs: new(int)},
	}
	b := newBoard(kept, rows)
	require.NoError(t, b.play(t.Context(), Options{Rounds: 3, Duration: time.Second, Budget: time.Hour}, io.Discard))
	require.Equal(t, 3, b.rounds)
	require.Equal(t, 2*len(kept), *rows[3].(fake).runs, "what failed twice in a cell is not tried again")
	return b
}

func TestTableSaysWhatBecameOfEach(t *testing.T) {
	b := played(t)
	var out bytes.Buffer
	missing := []conduct.Peer{{Peer: proto.Peer{Name: "absent", Missing: "cargo is not installed"}}}
	require.NoError(t, b.writeTable(&out, Options{Duration: time.Second}, missing, []error{errors.New("peer-x describe: killed")}))
	for _, want := range []string{
		"## Between processes", "## Within one process", "Medians of 3 rounds",
		"| mine | **9.00** |", "| leaky | 4.00 (25.0 % lost) |", "| shy | 2.00 |", "| broken | failed |", "| within | **3.00** |",
		"| *bare ring* |  | 20.0 | 20.0 |  |", " 300 |\n",
		"- missing: absent: cargo is not installed\n", "- peer-x describe: killed\n", "- failed: broken, seed, 48 B, 1 to 5: out of order\n",
	} {
		assert.Contains(t, out.String(), want)
	}
}

func TestFilesAreWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, played(t).write(Options{}, dir, nil, nil, io.Discard))
	text, err := os.ReadFile(filepath.Join(dir, "peers.json"))
	require.NoError(t, err)
	var results []map[string]any
	require.NoError(t, json.Unmarshal(text, &results))
	assert.Len(t, results, 3*len(cells)+len(cells)-1, "shy has no ping-pong, broken nothing")
	f, err := os.Open(filepath.Join(dir, "peers.png"))
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	assert.Greater(t, img.Bounds().Dx(), 1000)
	svg, err := os.ReadFile(filepath.Join(dir, "peers.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(svg), "leaky")
}

func TestMedianAndSpread(t *testing.T) {
	c := cells[0]
	o := &outcome{}
	_, ok := o.median(c)
	assert.False(t, ok)
	for _, x := range []float64{5, 1, 3, 4} {
		o.all = append(o.all, figures{DeliveredPerS: x * float64(c.subs)})
	}
	m, ok := o.median(c)
	assert.True(t, ok)
	assert.InDelta(t, 3, m.figure(c), 1e-9)
	assert.InDelta(t, 4.0/3, o.spread(c), 1e-9)
	assert.Zero(t, (*outcome)(nil).spread(c))
}

func TestNoRoundBeginsThatWouldNotEnd(t *testing.T) {
	b := newBoard(cells[:1], []contestant{fake{name: "a", figures: []float64{1}, runs: new(int)}})
	var said bytes.Buffer
	require.NoError(t, b.play(t.Context(), Options{Rounds: 5, Budget: -time.Second}, &said))
	assert.Equal(t, 1, b.rounds)
	assert.Contains(t, said.String(), "1 rounds it is")
}

func TestUnknownWorkload(t *testing.T) {
	_, err := only([]string{"dance"})
	assert.ErrorContains(t, err, `"dance"`)
}

package conduct

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// TestMain lets the test binary be the program whose roles it runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role" {
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func found(t *testing.T) []Peer {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	peers, errs := Find(t.Context(), self, t.TempDir())
	require.Empty(t, errs)
	return peers
}

func named(t *testing.T, name string) Peer {
	t.Helper()
	for _, p := range found(t) {
		if p.Name == name {
			return p
		}
	}
	require.Fail(t, "no such peer", name)
	return Peer{}
}

// TestEveryPeerDeliversAll runs every peer that is there, and each workload of
// it: nothing is lost, and nothing stays behind.
func TestEveryPeerDeliversAll(t *testing.T) {
	for _, p := range found(t) {
		if p.Missing != "" {
			t.Logf("%s is missing: %s", p.Name, p.Missing)
			continue
		}
		for _, workload := range p.Workloads {
			for _, batch := range []int{1, 16} {
				if batch > 1 && workload != proto.Fanout {
					continue
				}
				t.Run(p.Name+"/"+workload+"/"+string(rune('0'+batch/10)), func(t *testing.T) {
					c := Defaults(workload)
					c.Batch, c.Capacity = batch, 256
					c.DurationNS, c.WarmNS = 20*time.Millisecond, time.Millisecond
					if workload != proto.Pingpong {
						c.Subs = 2
					}
					dir := t.TempDir()
					r, err := Run(t.Context(), p, c, dir)
					require.NoError(t, err)
					assert.Positive(t, r.Published)
					assert.Zero(t, r.Lost+r.Disordered+r.Corrupt)
					if workload == proto.Pingpong {
						assert.Equal(t, r.Published, r.Delivered)
						assert.Positive(t, r.Latency.P50)
					} else {
						assert.Equal(t, uint64(c.Subs)*r.Published, r.Delivered)
					}
					left, err := os.ReadDir(dir)
					require.NoError(t, err)
					assert.Empty(t, left, "the run left files behind")
				})
			}
		}
	}
}

func TestResultIsThatOfShmbench(t *testing.T) {
	var out, errs bytes.Buffer
	self, err := os.Executable()
	require.NoError(t, err)
	peers, _ := Find(t.Context(), self, t.TempDir())
	require.NotEmpty(t, peers)
	status := Main(t.Context(), []string{"pipe", "fanout", "-subs", "1", "-duration", "10ms", "-json", "-", "-dir", t.TempDir()}, nil, &out, &errs)
	require.Zero(t, status, errs.String())
	var r map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	for _, field := range []string{"peer", "workload", "config", "seconds", "published", "delivered", "lost", "published_per_s", "delivered_per_s", "cpu_seconds", "machine"} {
		assert.Contains(t, r, field)
	}
	assert.Equal(t, "pipe", r["peer"])
}

func TestWhatIsLostIsTold(t *testing.T) {
	c := Defaults(proto.Fanout)
	c.Subs = 2
	reports := []proto.Report{
		{Role: proto.RolePub, Published: 110, Warm: 10, StartNS: 5e8, BeginNS: 1e9, EndNS: 2e9},
		{Role: proto.RoleSub, Received: 110, EndNS: 3e9},
		{Role: proto.RoleSub, Received: 100, Missed: 10, EndNS: 2e9},
	}
	p := Peer{Peer: proto.Peer{Name: "leaky", Workloads: []string{proto.Fanout}}}
	r, err := sum(p, c, reports)
	require.ErrorContains(t, err, "10 of 220 events lost")
	assert.EqualValues(t, 10, r.Lost)
	p.Lossy = true
	r, err = sum(p, c, reports)
	require.NoError(t, err)
	assert.Equal(t, "lossy", r.Config.Policy)
	assert.EqualValues(t, 110, r.Published)
	assert.EqualValues(t, 210, r.Delivered, "what came, of the whole run")
	assert.InDelta(t, 2.5, r.Seconds, 1e-9)
	assert.InDelta(t, 44, r.PublishedPerS, 1e-9)
	p.Lossy = false
	reports[2].Received = 110
	r, err = sum(p, c, reports)
	require.NoError(t, err)
	assert.EqualValues(t, 100, r.Published)
	assert.EqualValues(t, 200, r.Delivered)
	assert.InDelta(t, 2, r.Seconds, 1e-9)
	assert.InDelta(t, 50, r.PublishedPerS, 1e-9)

	reports[1].Corrupt = 1
	_, err = sum(p, c, reports)
	require.ErrorContains(t, err, "1 with wrong bytes")
	reports[1].Corrupt, reports[1].Received = 0, 130
	_, err = sum(p, c, reports)
	require.Error(t, err, "more was received than published")
	_, err = sum(p, c, nil)
	require.ErrorContains(t, err, "nothing was measured")
}

func TestFailuresAreTold(t *testing.T) {
	dir := t.TempDir()
	script := func(name, body string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, Prefix+name), []byte("#!/bin/sh\n"+body), 0o755))
	}
	script("bad", "echo no description\n")
	script("dies", `[ "$1" = describe ] && { echo '[{"name":"dies","in_process":true,"workloads":["seed"]}]'; exit; }
echo it is broken >&2; exit 3
`)
	script("says", `[ "$1" = describe ] && { echo '[{"name":"says","in_process":true,"workloads":["seed"]}]'; exit; }
echo '{"error":"no memory"}'; cat >/dev/null
`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, Prefix+"gone.missing"), []byte("not to be had\n"), 0o644))
	peers, errs := Find(t.Context(), "peers", dir)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "peer-bad describe")
	want := map[string]string{"dies": "it is broken", "says": "no memory", "gone": "not to be had"}
	for _, p := range peers {
		why, ok := want[p.Name]
		if !ok {
			continue
		}
		delete(want, p.Name)
		_, err := Run(t.Context(), p, Defaults(proto.Seed), t.TempDir())
		require.ErrorContains(t, err, why)
	}
	require.Empty(t, want)
}

func TestCommandLineIsChecked(t *testing.T) {
	for _, args := range []string{"", "pipe", "pipe dance", "pipe seed more", "pipe seed -size 8"} {
		var out, errs bytes.Buffer
		assert.NotZero(t, Main(t.Context(), strings.Fields(args), nil, &out, &errs), args)
		assert.NotEmpty(t, errs.String(), args)
	}
	p := named(t, "pipe")
	for _, change := range []func(*proto.Config){
		func(c *proto.Config) { c.Size = 20 },
		func(c *proto.Config) { c.Batch = 0 },
		func(c *proto.Config) { c.Subs = 0 },
		func(c *proto.Config) { c.Capacity = 100 },
		func(c *proto.Config) { c.DurationNS = 0 },
		func(c *proto.Config) { c.Workload = "dance" },
	} {
		c := Defaults(proto.Fanout)
		change(&c)
		_, err := Run(t.Context(), p, c, t.TempDir())
		assert.Error(t, err)
	}
}

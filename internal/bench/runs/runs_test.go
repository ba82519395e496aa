package runs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const one = `{"workload":"fanout","config":{"pubs":1,"subs":2,"size":64,"batch":1,"wait":"auto","policy":"reliable","novel":3},
"published":100,"published_per_s":1e6,"cpu_seconds":0.5,"allocs_per_event":0,"latency_ns":{"p50":5,"p90":6,"p99":7,"p999":8,"max":9},
"floor":{"line_ns":98.5},"time":"2026-03-01T10:00:00Z","version":"v0.1.0","of_tomorrow":{"a":[1]}}`

func parse(t *testing.T, data string) []*Run {
	t.Helper()
	rs, err := Parse("x.json", []byte(data))
	require.NoError(t, err)
	return rs
}

func TestFilesHoldOneRunArraysOrSeveralOfBoth(t *testing.T) {
	for data, want := range map[string]int{
		one: 1, "[" + one + "," + one + "]": 2, one + "\n" + one: 2, "[" + one + "]\n" + one + "[[" + one + "]]": 3, "\ufeff" + one: 1,
	} {
		assert.Len(t, parse(t, data), want)
	}
	r := parse(t, one)[0]
	assert.Equal(t, "fanout", r.Workload)
	assert.Equal(t, 2, r.Config.Subs)
	assert.EqualValues(t, 3, r.Config.Number("novel"))
	assert.Equal(t, 98.5, r.Floor.LineNS)
	assert.EqualValues(t, 7, r.Latency.P99)
	assert.Equal(t, 5e6, r.CPUPerEventNS())
	assert.Equal(t, time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), r.Time)
	assert.Equal(t, "x.json", r.File)
	require.NotNil(t, r.AllocsPerEvent)
	assert.Nil(t, parse(t, `{"workload":"seed"}`)[0].AllocsPerEvent)
}

func TestMistakesHaveAPlace(t *testing.T) {
	for data, want := range map[string]string{
		"":                                "x.json: no runs in it",
		"[]":                              "x.json: no runs in it",
		"  \n":                            "x.json: no runs in it",
		"{\n \"workload\": \"seed\",\n}":  "x.json:3:1: not JSON",
		one + "\n{\"workload\" \"seed\"}": "x.json:4:13: not JSON",
		"[" + one[:40]:                    "ends in the middle",
		"hello":                           "x.json:1:1: not JSON",
		"\n 17":                           "x.json:2:2: want a run",
		"[" + one + ",\n\"seed\"]":        "x.json:4:1: want a run",
		`{"published": 3}`:                `x.json:1:1: the run has no "workload"`,
		"{\"workload\":\"seed\",\n\"seconds\":\"x\"}":            `field "seconds" is a string`,
		`{"workload":"seed","config":{"subs":"five"}}`:           "x.json:1:",
		`{"workload":"seed","published":-1}`:                     `"published" -1, which nobody`,
		`{"workload":"wake","latency_ns":{"p50":-3}}`:            `"latency_ns.p50" -3`,
		`{"workload":"seed","seconds":1e300}`:                    "which nobody can have measured",
		`{"workload":"seed","time":"yesterday"}`:                 "x.json:1:1",
		`{"workload":"flood","idle":{"max":-1}}`:                 `"idle.max" -1`,
		"[" + strings.Repeat("[", 20_000):                        "x.json:1:",
		"{\"workload\":\"seed\"}\n]":                             "x.json:2:1: not JSON",
		`{"workload":"seed","config":{"wait":7,"pubs":1}}`:       "x.json:1:",
		`{"workload":"scale","points":[{"publish_ns":-4}]}`:      `"points[0].publish_ns" -4`,
		`{"workload":"rtp","tries":[{},{"late_ns":{"p50":-4}}]}`: `"tries[1].late_ns.p50" -4`,
		`{"workload":"seed","allocs_per_event":"0"}`:             `field "allocs_per_event" is a string`,
		"{\"workload\":\"seed\",\n \"machine\":{\"cpus\":1.5}}":  `x.json:2:`,
	} {
		_, err := Parse("x.json", []byte(data))
		if assert.Error(t, err, "%.60s", data) {
			assert.Contains(t, err.Error(), want, "%.60s", data)
			assert.True(t, strings.HasPrefix(err.Error(), "x.json:"), err.Error())
		}
	}
}

func TestFilesAreReadInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	a := filepath.Join(dir, "a.json")
	require.NoError(t, os.WriteFile(a, []byte(one), 0o600))
	rs, err := LoadFiles([]string{a, "-"}, strings.NewReader(`{"workload":"seed"}`))
	require.NoError(t, err)
	require.Len(t, rs, 2)
	assert.Equal(t, a, rs[0].File)
	assert.Equal(t, "seed", rs[1].Workload)
	_, err = LoadFiles([]string{filepath.Join(dir, "none.json")}, nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestRunsOfTheSameThingAreOneCase(t *testing.T) {
	cs := Cases(parse(t, `
		{"workload":"fanout","config":{"pubs":1,"subs":2,"size":64},"published_per_s":3}
		{"workload":"seed","config":{"pubs":1,"subs":5}}
		{"workload":"fanout","config":{"size":64,"pubs":1,"subs":2,"static":false,"stamp":null},"published_per_s":1}
		{"workload":"fanout","config":{"pubs":1,"subs":2,"size":64},"published_per_s":2}
		{"workload":"fanout","config":{"pubs":1,"subs":2,"size":64,"static":true}}
		{"workload":"fanout","peer":"pipe","config":{"pubs":1,"subs":2,"size":64}}
		{"workload":"novel"}
		{"workload":"novel","config":{}}`))
	require.Len(t, cs, 5)
	assert.Equal(t, []string{"seed", "fanout", "novel"}, Workloads(cs))
	assert.Len(t, cs[4].Runs, 2)
	f := cs[0]
	assert.Len(t, f.Runs, 3)
	assert.Equal(t, Range{2, 1, 3}, f.Range((*Run).Figure))
	assert.EqualValues(t, 2, f.Median().PublishedPerS)
	assert.Equal(t, "1 to 2, 64 B, lane", f.Name())
	assert.Equal(t, "1 to 2, 64 B, static ring", cs[2].Name())
	assert.Equal(t, "pipe: 1 to 2, 64 B", cs[3].Name())
	assert.Zero(t, f.Range((*Run).CPUPerEventNS))
	assert.False(t, f.Same(cs[2]))
	assert.True(t, f.Same(Cases(parse(t, `{"workload":"fanout","config":{"pubs":1,"subs":2,"size":64}}`))[0]))
}

func TestConfigurationsInWords(t *testing.T) {
	cs := Cases(parse(t, `
		{"workload":"rtp","config":{"calls":100000,"size":172,"policy":"lossy","rate":7}}
		{"workload":"rtp","config":{"calls":100000,"size":172,"policy":"lossy","rate":8}}
		{"workload":"pingpong","config":{"pubs":1,"subs":1,"size":64,"wait":"spin","local":true}}
		{"workload":"fanout","config":{"pubs":2,"subs":1,"size":64,"batch":8,"verify":false}}`))
	var names []string
	for _, c := range cs {
		names = append(names, c.Name())
	}
	assert.Equal(t, []string{
		"100,000 calls, 172 B, lossy, 7 a second", "100,000 calls, 172 B, lossy, 8 a second",
		"1 to 1, 64 B, in one process, spin", "2 to 1, 64 B, batch 8, content unchecked",
	}, names)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(one))
	f.Add([]byte("[" + one + "," + one + "]"))
	f.Add([]byte(`[{"workload":"seed","config":{"a":[{}]}},`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, err := Parse("x.json", data)
		if err == nil && len(rs) == 0 {
			t.Fatal("neither runs nor an error")
		}
		for _, c := range Cases(rs) {
			_, _ = c.Name(), c.Median()
		}
	})
}

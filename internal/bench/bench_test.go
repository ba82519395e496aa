package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/shm"
	"go.uber.org/goleak"
)

// The test binary plays every process of a run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		os.Exit(Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	if line := os.Getenv("BENCH_TEST_CONDUCT"); line != "" {
		os.Exit(Main(context.Background(), strings.Fields(line), os.Stdin, os.Stdout, os.Stderr))
	}
	// The race detector lets each process sleep a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// run runs shmbench with short floors, and returns its status and output.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, floorBudget: time.Millisecond}
	status = a.run(context.Background(), append([]string{"shmbench"}, args...))
	return status, out.String(), errs.String()
}

// inDir adds a directory of the test's own, which must be empty at its end.
func inDir(t *testing.T, args ...string) []string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { assert.Empty(t, regions(t, dir), "regions were left behind") })
	return append(args, "-dir", dir)
}

func regions(t *testing.T, dir string) (names []string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names
}

func decode(t *testing.T, b string) (r Result) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(b), &r), b)
	return r
}

func TestStreamsDeliverEverything(t *testing.T) {
	for _, args := range [][]string{
		{"seed"},
		{"seed", "-local", "-stamp"},
		{"fanout", "-subs", "2", "-pubs", "2", "-batch", "8"},
		{"fanout", "-size", "200", "-wait", "park"},
		{"fanout", "-size", "2048", "-batch", "4", "-capacity", "256", "-verify=false"},
		{"fanout", "-static", "-subs", "2", "-pubs", "2", "-batch", "8", "-size", "1024"},
		{"fanout", "-static", "-local"},
		{"seed", "-static"},
		{"fanout", "-local", "-subs", "3", "-pubs", "2", "-size", "16"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, errs := run(t, inDir(t, append(args, "-duration", "20ms", "-json", "-")...)...)
			require.Zero(t, status, errs)
			r := decode(t, out)
			assert.Equal(t, args[0], r.Workload)
			assert.Positive(t, r.Published)
			assert.Equal(t, r.Published*uint64(r.Config.Subs), r.Delivered)
			assert.Zero(t, r.Lost)
			assert.Zero(t, r.Corrupt)
			assert.Zero(t, r.Disordered)
			assert.Positive(t, r.PublishAloneNS)
			assert.Positive(t, r.Floor.LineNS)
			assert.Positive(t, r.Ratio)
			assert.Contains(t, errs, "published")
			assert.Equal(t, slices.Contains(args, "-static"), r.Config.Static)
			assert.Equal(t, r.Config.Static, strings.Contains(errs, "static ring"))
		})
	}
}

func TestPingpongMeasuresLatency(t *testing.T) {
	for _, wait := range []string{"park", "auto"} {
		status, out, errs := run(t, inDir(t, "pingpong", "-wait", wait, "-duration", "20ms", "-json", "-")...)
		require.Zero(t, status, errs)
		r := decode(t, out)
		assert.Equal(t, wait, r.Config.Wait)
		require.NotNil(t, r.Latency)
		assert.Positive(t, r.Latency.P50)
		assert.LessOrEqual(t, r.Latency.P50, r.Latency.Max)
		assert.Equal(t, r.Published, r.Delivered)
		assert.Zero(t, r.Lost)
		floor, name := r.Floor.LineNS, "p50 / line_ns"
		if wait == "park" {
			floor, name = r.Floor.FutexWakeNS, "p50 / futex_wake_ns"
			assert.InDelta(t, float64(r.Latency.P99)/r.Floor.FutexWakeP99NS, r.RatioP99, 1e-9)
		} else {
			assert.Zero(t, r.RatioP99)
		}
		assert.Equal(t, name, r.RatioOf)
		assert.InDelta(t, float64(r.Latency.P50)/floor, r.Ratio, 1e-9)
	}
}

func TestPingpongOverStaticRings(t *testing.T) {
	status, out, errs := run(t, inDir(t, "pingpong", "-static", "-duration", "20ms", "-json", "-")...)
	require.Zero(t, status, errs)
	assert.Positive(t, decode(t, out).Latency.P50)
}

func TestLossyStreamsMayLose(t *testing.T) {
	status, out, errs := run(t, inDir(t, "fanout", "-policy", "lossy", "-capacity", "64", "-batch", "16", "-duration", "20ms", "-json", "-")...)
	require.Zero(t, status, errs)
	r := decode(t, out)
	assert.Equal(t, r.Published, r.Delivered+r.Lost)
	assert.Equal(t, r.Lost, r.Missed)
	assert.Zero(t, r.Corrupt)
	assert.Zero(t, r.Disordered)
}

func TestJSONOfManyRunsIsAnArray(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.json")
	status, out, errs := run(t, inDir(t, "fanout", "-local", "-runs", "3", "-duration", "2ms", "-json", file)...)
	require.Zero(t, status, errs)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var rs []map[string]any
	require.NoError(t, json.Unmarshal(b, &rs))
	require.Len(t, rs, 3)
	for _, key := range []string{
		"workload", "config", "seconds", "published", "delivered", "lost", "published_per_s",
		"delivered_per_s", "publish_ns", "allocs_per_event", "cpu_seconds", "floor", "ratio", "machine",
	} {
		assert.Contains(t, rs[0], key)
	}
	assert.NotContains(t, rs[0], "latency_ns", "fanout without -stamp measures no latency")
	assert.Contains(t, out, "median of 3 runs")
}

func TestWrongUseIsExplained(t *testing.T) {
	for says, args := range map[string][]string{
		"there are: seed, fanout, pingpong": {"nonsense"},
		"power of two":                      {"fanout", "-capacity", "100"},
		"multiple of 8":                     {"fanout", "-size", "17"},
		"spin, park or auto":                {"fanout", "-wait", "sleep"},
		"reliable or lossy":                 {"fanout", "-policy", "maybe"},
		"fanout takes any size":             {"seed", "-size", "64"},
		"one event in flight":               {"pingpong", "-subs", "2"},
		"flags begin with a dash":           {"seed", "extra"},
		"-runs 0":                           {"seed", "-runs", "0"},
		"not defined":                       {"seed", "-nonsense"},
		"-duration":                         {"seed", "-duration", "0s"},
		"-pubs":                             {"fanout", "-pubs", "0"},
		"a fraction from 0 to 1":            {"fanout", "-match", "1.5"},
		"leave out -static and -local":      {"fanout", "-match", "0.5", "-local"},
		"seed has no subscriber":            {"seed", "-match", "0.5"},
		"pingpong has no subscriber":        {"pingpong", "-match", "0.5"},
		"-subs":                             {"fanout", "-subs", "0"},
		"-batch":                            {"fanout", "-batch", "0"},
		"-read":                             {"fanout", "-read", "0"},
		"have no tail":                      {"fanout", "-static", "-size", "200"},
		"carry no time":                     {"seed", "-static", "-stamp"},
		"who spins never sleeps":            {"wake", "-wait", "spin"},
		"one event at a time":               {"wake", "-batch", "2"},
		"static ring carry":                 {"wake", "-static"},
		"-rate 0":                           {"wake", "-rate", "0"},
		"one on Normal and one on Low":      {"flood", "-pubs", "1"},
		"no priorities":                     {"flood", "-static"},
		"-calls 0":                          {"rtp", "-calls", "0"},
		"they cannot be one":                {"crash", "-local"},
		"no durable subscriptions":          {"crash", "-static"},
		"that nothing is lost":              {"crash", "-policy", "lossy"},
		"-durables":                         {"crash", "-durables", "-1"},
		"needs a victim":                    {"crash", "-pubs", "1", "-subs", "1", "-durables", "0"},
		"at least 1ms each":                 {"crash", "-every", "1us"},
		"nobody who takes another":          {"scale", "-static"},
		"measures no latencies":             {"scale", "-stamp"},
		"for bursts of a quarter":           {"scale", "-capacity", "32"},
		"a quarter of the capacity":         {"scale", "-capacity", "64", "-batch", "32"},
		"one RTP process":                   {"rtp", "-subs", "2"},
		"a packet of G.711":                 {"rtp", "-size", "64"},
		"is known without":                  {"rtp", "-stamp"},
		"Low is lossy":                      {"flood", "-policy", "lossy"},
	} {
		status, out, errs := run(t, args...)
		assert.Equal(t, exitUsage, status, "%v: %s", args, errs)
		assert.Contains(t, errs, says)
		assert.NotContains(t, out, "published")
	}
}

func TestLossIsWhatASubscriberShouldHaveHad(t *testing.T) {
	r := sumStream(
		[]published{{Events: 10, Begin: 100, End: 200}, {Events: 20, Begin: 150, End: 400}},
		[]received{{Tracker: &tracker{Received: 30}}, {Tracker: &tracker{Received: 27, Missed: 3, Corrupt: 1}, End: 700}})
	assert.EqualValues(t, 30, r.Published)
	assert.EqualValues(t, 57, r.Delivered)
	assert.EqualValues(t, 3, r.Lost)
	assert.EqualValues(t, 3, r.Missed)
	assert.EqualValues(t, 1, r.Corrupt)
	assert.InEpsilon(t, 300e-9, r.Seconds, 1e-6)
	assert.InEpsilon(t, 30/300e-9, r.PublishedPerS, 1e-6)
	assert.InEpsilon(t, 57/600e-9, r.DeliveredPerS, 1e-6)
	assert.InEpsilon(t, 350.0/30, r.PublishNS, 1e-6)
}

func TestUnwritableJSONIsSaidBeforeTheRun(t *testing.T) {
	status, _, errs := run(t, "seed", "-duration", "1h", "-json", filepath.Join(t.TempDir(), "no", "such.json"))
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errs, "-json")
}

func TestHelpNamesTheWorkloads(t *testing.T) {
	status, out, _ := run(t)
	require.Zero(t, status)
	for _, w := range workloads {
		assert.Contains(t, out, w.name)
	}
	assert.NotContains(t, out, "agent")
}

func TestVersionOfTheProgram(t *testing.T) {
	status, out, _ := run(t, "-version")
	require.Zero(t, status)
	assert.Regexp(t, `^shmbench version .*\(go`, out)
}

func TestVerdict(t *testing.T) {
	ok := Result{Config: Config{Policy: policyReliable}}
	require.NoError(t, ok.verdict())
	for _, r := range []Result{
		{Config: Config{Policy: policyReliable}, Lost: 1, Missed: 1},
		{Config: Config{Policy: policyReliable}, Missed: 1},
		{Config: Config{Policy: policyLossy}, Lost: 2, Missed: 1},
		{Config: Config{Policy: policyLossy}, Corrupt: 1},
		{Config: Config{Policy: policyLossy}, Disordered: 1},
	} {
		require.ErrorIs(t, r.verdict(), errFailed)
	}
	lossy := Result{Config: Config{Policy: policyLossy}, Lost: 1, Missed: 1}
	require.NoError(t, lossy.verdict())
}

func TestLeftoversOfKilledRunsAreSwept(t *testing.T) {
	dir := t.TempDir()
	o := &shm.Options{Dir: dir, Size: 1 << 16}
	for _, name := range []string{regionPrefix + "1-0", regionPrefix + "2-0", "somebody-elses"} {
		r, err := shm.Create(name, o)
		require.NoError(t, err)
		if name == regionPrefix+"2-0" {
			locked, err := r.TryLock(bareLock)
			require.NoError(t, err)
			require.True(t, locked)
			defer r.Release()
			continue
		}
		require.NoError(t, r.Release())
	}
	require.NoError(t, sweep(dir))
	left := strings.Join(regions(t, dir), " ")
	assert.NotContains(t, left, regionPrefix+"1-0", "a leftover stayed")
	assert.Contains(t, left, regionPrefix+"2-0", "a region in use was removed")
	assert.Contains(t, left, "somebody-elses")
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, floorBudget: time.Millisecond}
	status := make(chan int, 1)
	go func() { status <- a.run(ctx, []string{"shmbench", "fanout", "-duration", "1h", "-dir", dir}) }()
	require.Eventually(t, func() bool {
		names, err := filepath.Glob(filepath.Join(dir, regionPrefix+"*-0"))
		return err == nil && len(names) == 1
	}, time.Minute, time.Millisecond)
	cancel()
	assert.Equal(t, exitFailed, <-status)
	assert.Empty(t, regions(t, dir))
}

func TestAKilledAgentEndsTheRun(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "out.json")
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, floorBudget: time.Millisecond}
	status := make(chan int, 1)
	go func() {
		status <- a.run(context.Background(), []string{"shmbench", "fanout", "-duration", "1h", "-dir", dir, "-json", file})
	}()
	region := filepath.Join(dir, fmt.Sprintf("%s%d-0", regionPrefix, os.Getpid()))
	var victim int
	require.Eventually(t, func() bool {
		victim = participants(t, dir, region)["sub"]
		return victim != 0
	}, time.Minute, time.Millisecond)
	p, err := os.FindProcess(victim)
	require.NoError(t, err)
	require.NoError(t, p.Kill())
	assert.Equal(t, exitFailed, <-status)
	assert.Contains(t, errs.String(), "killed")
	assert.Empty(t, regions(t, dir))
	assert.NoFileExists(t, file)
}

func TestAgentsDieWithTheirConductor(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BENCH_TEST_CONDUCT=shmbench fanout -subs 2 -duration 1h -dir "+dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	region := filepath.Join(dir, fmt.Sprintf("%s%d-0", regionPrefix, cmd.Process.Pid))
	require.Eventually(t, func() bool { return len(participants(t, dir, region)) >= 3 }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	// What no process uses any more can be removed: all lock bytes are free.
	require.Eventually(t, func() bool {
		return sweep(dir) == nil && len(regions(t, dir)) == 0
	}, time.Minute, time.Millisecond)
}

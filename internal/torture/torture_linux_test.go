package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A minute of torture, or what that is worth on a busy machine. Each time it is
// another one; the log says how to run it again.
func TestTorture(t *testing.T) {
	duration := time.Minute
	if testing.Short() {
		duration = 3 * time.Second
	}
	var out bytes.Buffer
	dir := t.TempDir()
	err := torture(t.Context(), config{duration: duration, seed: rand.Uint64() >> 32, dir: dir, out: &out})
	t.Log("\n" + out.String())
	require.NoError(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing stays behind")
	for _, figure := range []string{"killed", "frozen", "left in order", "audits of the whole", "events published", "events received"} {
		assert.Regexp(t, figure+` +[1-9]`, out.String())
	}
}

// An event that its ledger does not know ends the run, which says how to have it
// again and keeps what it has.
func TestTortureFindsForgedEvents(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	c := config{duration: time.Minute, seed: 1, dir: dir, out: &out}
	s, err := newSupervisor(t.Context(), c)
	require.NoError(t, err)
	s.beside = func(<-chan struct{}) error {
		b, err := bus.Open(regionName, options(s.dir, "forger", false))
		if err != nil {
			return err
		}
		defer b.Close()
		pub, err := bus.NewPublisher[load](b, nil)
		if err != nil {
			return err
		}
		for !s.ended() {
			var v load
			tail := v.write(1, reliableLane, 1, 0, make([]byte, maxTail)) // again and again
			with := bus.With{Key: keyOf(1, reliableLane, 0), Tail: tail, Priority: bus.Critical}
			if err := pub.PublishWith(s.ctx, &v, with); err != nil && s.ctx.Err() == nil {
				return err
			}
			sleep(s.ctx, 10*time.Millisecond)
		}
		return nil
	}
	err = s.run()
	require.ErrorContains(t, err, "VIOLATION")
	require.ErrorContains(t, err, "make torture DURATION=1m0s SEED=1")
	require.ErrorContains(t, err, s.dir)
	for _, name := range []string{bookName, violationsName, "trails", "said"} {
		assert.FileExists(t, filepath.Join(s.dir, name))
	}
	reported, err := os.ReadFile(filepath.Join(s.dir, violationsName))
	require.NoError(t, err)
	assert.Contains(t, string(reported), "out of order, or twice")
}

// A process that ends though nobody has told it to is a violation, however it
// does.
func TestTortureFindsProcessesThatEnd(t *testing.T) {
	s, err := newSupervisor(t.Context(), config{duration: time.Minute, seed: 2, dir: t.TempDir(), out: &bytes.Buffer{}})
	require.NoError(t, err)
	s.beside = func(<-chan struct{}) error {
		for s.seats[firstHandler].pid.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		return syscall.Kill(int(s.seats[firstHandler].pid.Load()), syscall.SIGKILL)
	}
	require.ErrorContains(t, s.run(), "ended by itself")
}

// What a soak samples is written, and what grows is found.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes half a minute")
	}
	path := filepath.Join(t.TempDir(), "soak.csv")
	err := soak(t.Context(), config{duration: 8 * time.Second, seed: 1, dir: t.TempDir(), out: &bytes.Buffer{}}, path)
	if err != nil {
		require.ErrorContains(t, err, "has grown by") // as processes do at first
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Greater(t, len(rows), 4)
	assert.Equal(t, strings.Join(columns, ","), rows[0])
	assert.Regexp(t, `^[\d.]+(,[1-9]\d*){2},\d+,31(,[1-9]\d*){8}`, rows[len(rows)-1])
}

func TestFlat(t *testing.T) {
	rows := func(grow string) (all [][]float64) {
		for i := range 100 {
			row := make([]float64, len(columns))
			for j, name := range columns {
				if row[j] = 1000 + float64(i%3); name == grow {
					row[j] += 20 * float64(i)
				}
			}
			row[0] = float64(i)
			if row[0] < 10 {
				row[5] -= 900 // before anything is judged
			}
			all = append(all, row)
		}
		return all
	}
	require.NoError(t, flat(rows(""), &bytes.Buffer{}))
	for _, tol := range tolerances {
		if strings.Contains(tol.column, "kib") {
			continue // what is left open there is more than that
		}
		require.ErrorContains(t, flat(rows(tol.column), &bytes.Buffer{}), tol.column+" has grown by")
	}
	require.Error(t, flat(rows("")[:3], &bytes.Buffer{}), "too few")
}

func TestCommandLine(t *testing.T) {
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(context.Background(), append([]string{"shmtorture"}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, _ := run("-plan", "-duration", "10s", "-seed", "5")
	assert.Zero(t, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Greater(t, len(lines), taken)
	var first step
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, doStart, first.Do)
	_, again, _ := run("-plan", "-duration", "10s", "-seed", "5")
	assert.Equal(t, out, again)
	for _, args := range [][]string{{"-duration", "0"}, {"-nonsense"}, {"argument"}, {"soak", "-duration", "-1s"}} {
		code, _, errs := run(args...)
		assert.Equal(t, 2, code, args)
		assert.NotEmpty(t, errs)
	}
	code, _, errs := run("-h")
	assert.Zero(t, code)
	assert.Contains(t, errs, "-seed")
}

func TestThreadsOf(t *testing.T) {
	own := threadsOf(os.Getpid())
	assert.True(t, own.live)
	assert.True(t, own.queued, "this thread runs")
	name := filepath.Base(os.Args[0])
	assert.Contains(t, atKernel(os.Getpid()), "("+name[:min(len(name), 15)]+") ") // as the kernel keeps it
	assert.Zero(t, threadsOf(1<<30), "there is none")
	assert.Empty(t, atKernel(1<<30))
}

// What a sleeper is excused for is the machine's, and ends with patience.
func TestHowLateASleeperIs(t *testing.T) {
	began := time.Now()
	w := idleWatch{first: began, since: began, waited: -1}
	look := func(after time.Duration, at threads) (time.Duration, bool) { return w.late(at, began.Add(after)) }
	second := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

	d, told := look(second(1), threads{delay: second(7)})
	assert.True(t, told)
	assert.Zero(t, d, "it begins here")
	d, _ = look(second(3), threads{delay: second(7)})
	assert.Equal(t, second(2), d)
	d, _ = look(second(3), threads{delay: second(8)})
	assert.Equal(t, second(1), d, "it had no processor for a second")
	d, _ = look(second(3), threads{delay: second(99)})
	assert.Equal(t, second(0.5), d, "several threads do not excuse all of it")
	_, told = look(second(3), threads{queued: true})
	assert.False(t, told, "it may be about to wake")
	d, _ = look(second(4), threads{blocked: true})
	assert.Zero(t, d, "it waited for a disk, and begins again")
	d, told = look(patience+second(1), threads{queued: true, blocked: true})
	assert.True(t, told)
	assert.Equal(t, patience+second(1), d)
}

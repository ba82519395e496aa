package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func snapshotOf(t require.TestingT, stdout string) bus.Snapshot {
	var snap bus.Snapshot
	require.NoError(t, json.Unmarshal([]byte(stdout), &snap))
	return snap
}

func lane(t require.TestingT, snap bus.Snapshot, name string) bus.LaneInfo {
	for _, l := range snap.Lanes {
		if l.Name == name {
			return l
		}
	}
	require.Failf(t, "no lane", "%s", name)
	return bus.LaneInfo{}
}

func subscriber(snap bus.Snapshot, name string) (bus.SubscriberInfo, bool) {
	for _, s := range snap.Subscribers {
		if s.Name == name {
			return s, true
		}
	}
	return bus.SubscriberInfo{}, false
}

func TestSnapshotOfARealRegion(t *testing.T) {
	dir := t.TempDir()
	reader, hung := start(t, "reader", dir), start(t, "hung", dir)
	publisher := start(t, "publisher", dir)

	var snap bus.Snapshot
	require.EventuallyWithT(t, func(t *assert.CollectT) { // until the reader has read it all and sleeps
		code, stdout, stderr := shmtop(testRegion, "-once", "-json", "-interval", "20ms", "-dir", dir)
		require.Equal(t, exitOK, code, stderr)
		snap = snapshotOf(t, stdout)
		s, ok := subscriber(snap, "counter")
		require.True(t, ok)
		require.Equal(t, uint64(testEvents), s.Received)
		require.True(t, s.Waiting)
	}, patience, pollEvery)

	assert.Equal(t, testRegion, snap.Region)
	assert.Equal(t, bus.StateOpen, snap.State)
	assert.Positive(t, snap.Size)
	var names []string
	for _, l := range snap.Lanes {
		names = append(names, l.Name)
	}
	assert.Equal(t, []string{"critical", "high", "normal", "low"}, names)
	high := lane(t, snap, "high")
	assert.Equal(t, "reliable", high.Policy)
	assert.Equal(t, 4096, high.Capacity)
	assert.Equal(t, 128, high.SlotSize)
	assert.Equal(t, uint64(testEvents), high.Published)
	assert.Equal(t, uint64(testEvents), high.Tail)
	assert.Equal(t, uint64(testEvents), high.Depth, "the deepest of its subscribers")
	assert.Equal(t, 2, high.Subscribers)
	assert.Zero(t, lane(t, snap, "low").Published)

	counter, _ := subscriber(snap, "counter")
	assert.Equal(t, reader.pid(), counter.PID)
	assert.True(t, counter.Alive)
	assert.Zero(t, counter.Depth)
	ledger, ok := subscriber(snap, "ledger")
	require.True(t, ok)
	assert.Equal(t, hung.pid(), ledger.PID)
	assert.Equal(t, "ledger", ledger.Durable)
	assert.Equal(t, "high", ledger.Lane)
	assert.True(t, ledger.Gated)
	assert.Equal(t, uint64(testEvents), ledger.Depth)

	pids := map[string]int{}
	for _, p := range snap.Participants {
		assert.True(t, p.Alive)
		pids[p.Name] = p.PID
	}
	assert.Equal(t, map[string]int{"reader": reader.pid(), "hung": hung.pid(), "publisher": publisher.pid()}, pids)
	require.Len(t, snap.Types, 1)
	assert.Equal(t, "test.call", snap.Types[0].Name)
	assert.Equal(t, 8, snap.Types[0].Size)
	assert.Contains(t, strings.ToLower(snap.Types[0].Fields), "seq")

	publisher.leave()
	_, stdout, _ := shmtop(testRegion, "-once", "-json", "-interval", "20ms", "-dir", dir)
	for _, p := range snapshotOf(t, stdout).Participants {
		assert.NotEqual(t, publisher.pid(), p.PID, "it said goodbye")
	}
}

func TestOnceWaitsForARegion(t *testing.T) {
	for _, name := range [][]string{{testRegion}, nil} { // without a name for any
		dir := t.TempDir()
		code := make(chan int, 1)
		out := &lockedBuffer{}
		go func() {
			code <- run(context.Background(), append(append([]string{"shmtop"}, name...), "-wait", "-json", "-interval", "20ms", "-dir", dir),
				strings.NewReader(""), out, io.Discard)
		}()
		b, err := bus.Open(testRegion, testOptions(dir, "late"))
		require.NoError(t, err)
		defer func() { assert.NoError(t, b.Close()) }()
		require.Equal(t, exitOK, <-code)
		snap := snapshotOf(t, out.String()) // from before or after it was joined
		assert.Equal(t, testRegion, snap.Region)
		assert.Len(t, snap.Lanes, 4)
	}
}

// A static ring is found by its name behind that of its region, and does not stand
// in the way of the region.
func TestStaticRing(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(testRegion, testOptions(dir, "switchd"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	ring, err := bus.OpenStatic[callEvent](b, "calls", nil)
	require.NoError(t, err)
	pub, err := ring.Publisher()
	require.NoError(t, err)
	require.NoError(t, pub.TryPublish(&callEvent{}))

	code, stdout, stderr := shmtop("ls", "-dir", dir)
	require.Equal(t, exitOK, code, stderr)
	assert.Regexp(t, `(?m)^switch +open `, stdout)
	assert.Regexp(t, `(?m)^switch/calls +open .* 1 +\S+ +static ring$`, stdout)

	code, stdout, stderr = shmtop("-once", "-json", "-interval", "20ms", "-dir", dir)
	require.Equal(t, exitOK, code, stderr)
	assert.Equal(t, testRegion, snapshotOf(t, stdout).Region)

	t.Chdir(dir)
	for _, args := range [][]string{
		{"switch/calls", "-dir", dir}, {filepath.Join(dir, "switch", "calls")}, {"./switch/calls"}, {"switch/calls"},
	} {
		code, stdout, stderr = shmtop(append(args, "-once", "-json", "-interval", "20ms")...)
		require.Equal(t, exitOK, code, "%v: %s", args, stderr)
		snap := snapshotOf(t, stdout)
		assert.Equal(t, "switch/calls", snap.Region)
		assert.Equal(t, "calls", snap.Static)
		require.Len(t, snap.Lanes, 1)
		assert.Equal(t, uint64(1), snap.Lanes[0].Published)
	}
	code, _, stderr = shmtop("switch/none", "-once", "-dir", dir)
	assert.Equal(t, exitError, code)
	assert.Contains(t, stderr, `"switch/none"`)
}

func TestJSONHasTheFieldsThatOthersReadByName(t *testing.T) {
	dir := t.TempDir()
	start(t, "reader", dir)
	code, stdout, stderr := shmtop("-json", filepath.Join(dir, testRegion))
	require.Equal(t, exitOK, code, stderr)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &doc))
	has := func(v any, keys ...string) {
		t.Helper()
		object, ok := v.(map[string]any)
		require.True(t, ok)
		for _, k := range keys {
			assert.Contains(t, object, k)
		}
	}
	first := func(key string) any {
		t.Helper()
		list, ok := doc[key].([]any)
		require.True(t, ok, key)
		require.NotEmpty(t, list, key)
		return list[0]
	}
	has(doc, "region", "state", "lanes", "subscribers", "participants", "types")
	has(first("lanes"), "name", "shard", "capacity", "slot_size", "tail", "published", "rate", "depth", "subscribers")
	has(first("subscribers"), "id", "name", "pid", "alive", "lane", "cursor", "depth", "missed", "waiting")
	has(first("participants"), "id", "name", "pid", "alive")
	has(first("types"), "name", "id", "size")
}

func TestTheDeadAreShownAndNobodyIsNeeded(t *testing.T) {
	dir := t.TempDir()
	hung, publisher := start(t, "hung", dir), start(t, "publisher", dir)
	publisher.kill()
	hung.kill() // nobody is left who could clean up

	code, stdout, stderr := shmtop("-dir", dir) // the only region, and no terminal
	require.Equal(t, exitOK, code, stderr)
	assert.Contains(t, stdout, "no process is alive")
	assert.Contains(t, stdout, strconv.Itoa(hung.pid()))
	assert.Regexp(t, `ledger .* (away|dead) +high`, stdout)
	assert.Contains(t, stdout, "test.call")

	code, stdout, stderr = shmtop("ls", "-dir", dir)
	require.Equal(t, exitOK, code, stderr)
	assert.Regexp(t, `(?m)^switch +open .* 1,000 .*left over: no process is alive$`, stdout)

	code, stdout, _ = shmtop("ls", "-json", "-dir", dir)
	require.Equal(t, exitOK, code)
	var list []region
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	require.Len(t, list, 1)
	assert.Equal(t, testRegion, list[0].Name)
	assert.Zero(t, list[0].Alive)
	assert.Equal(t, uint64(testEvents), list[0].Events)
	assert.NotEmpty(t, list[0].ID)
	assert.False(t, list[0].Created.IsZero())
}

func TestAFrozenProcessIsStalled(t *testing.T) {
	dir := t.TempDir()
	reader := start(t, "reader", dir)
	reader.freeze()
	start(t, "publisher", dir)

	w := &watcher{open: inspect(dir, testRegion)}
	defer w.close()
	s := newSampler(0)
	var f *frame
	for i := range 2 { // the time between two reads is the test's
		snap, _, err := w.poll()
		require.NoError(t, err)
		f = s.add(snap, t0.Add(time.Duration(i)*stallAfter))
	}
	require.Len(t, f.subs, 1)
	assert.Equal(t, subStalled, f.subs[0].state)
	assert.Equal(t, []alert{{false, fmt.Sprintf(
		"counter (pid %d) has not moved on high for 3s, 1,000 unread: frozen, hung or busy", reader.pid())}}, f.alerts())

	reader.thaw()
	require.Eventually(t, func() bool {
		snap, _, err := w.poll()
		return err == nil && s.add(snap, t0.Add(2*stallAfter)).subs[0].state != subStalled
	}, patience, pollEvery)
}

func TestSeveralRegionsNeedAName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		b, err := bus.Open(name, testOptions(dir, "test"))
		require.NoError(t, err)
		defer func() { assert.NoError(t, b.Close()) }()
	}
	code, _, stderr := shmtop("-once", "-dir", dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, dir+" holds 2 regions, name one: one, two")
}

func TestADamagedRegionIsARowOfLs(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open("good", testOptions(dir, "test"))
	require.NoError(t, err)
	whole, err := os.ReadFile(filepath.Join(dir, "good"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "short"), whole[:len(whole)/2], 0o600))
	require.NoError(t, b.Close())

	code, stdout, stderr := shmtop("ls", "-dir", dir)
	require.Equal(t, exitOK, code, stderr)
	assert.Regexp(t, `(?m)^good +open .* no process attached$`, stdout)
	assert.Regexp(t, `(?m)^short +unreadable .*[a-z]{4}`, stdout)

	code, _, stderr = shmtop("short", "-once", "-dir", dir)
	assert.Equal(t, exitError, code)
	assert.Contains(t, stderr, `read region "short"`)
}

func TestTheWatcherSeesARealRegionGoAndComeBack(t *testing.T) {
	dir := t.TempDir()
	open := func() *bus.Bus {
		b, err := bus.Open(testRegion, testOptions(dir, "test"))
		require.NoError(t, err)
		return b
	}
	first := open()
	w := &watcher{open: inspect(dir, testRegion)}
	defer w.close()
	_, fresh, err := w.poll()
	require.NoError(t, err)
	assert.True(t, fresh)

	require.NoError(t, bus.RemoveForce(testRegion, &bus.Options{Dir: dir}))
	_, _, err = w.poll()
	require.ErrorIs(t, err, errRemoved, "although its memory is still mapped")
	_, _, err = w.poll()
	require.ErrorIs(t, err, os.ErrNotExist)

	second := open()
	snap, fresh, err := w.poll()
	require.NoError(t, err)
	assert.True(t, fresh)
	assert.Equal(t, bus.StateOpen, snap.State)
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
}

// The live view as a person has it: the real program loop, keys on its input.
func TestLiveProgram(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(testRegion, testOptions(dir, "test"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()

	in, typed := io.Pipe()
	defer func() { assert.NoError(t, typed.Close()) }()
	out := &lockedBuffer{}
	done := make(chan error, 1)
	go func() {
		done <- watchLive(context.Background(), options{dir: dir, name: testRegion, interval: minInterval}, in, out)
	}()
	shows := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(ansi.Strip(out.String()), want) }, patience, pollEvery, want)
	}
	typeKey := func(k string) {
		_, err := io.WriteString(typed, k)
		require.NoError(t, err)
	}
	shows("1 process · 0 events/s")
	typeKey("?")
	shows("publishers' seats")
	typeKey("?p")
	shows("paused")
	typeKey("r")
	shows("regions in " + dir)
	shows("▸ switch")
	typeKey("\r")
	shows("2 Subscribers 0")
	typeKey("q")
	require.NoError(t, <-done)
}

func TestLiveProgramTellsAWrongNameAtOnce(t *testing.T) {
	err := watchLive(context.Background(), options{dir: t.TempDir(), name: "nope"}, strings.NewReader(""), io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "'shmtop ls' lists regions")
}

func TestPickerReadsTheDirectory(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(testRegion, testOptions(dir, "test"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	a := newApp(plainTheme(), options{dir: dir})
	a.Update(a.Init()())
	assert.Contains(t, a.View(), "▸ switch")
	_, cmd := a.Update(keyMsg("enter"))
	require.NotNil(t, cmd)
	_, cmd = a.Update(cmd())
	require.NotNil(t, cmd)
	a.Update(cmd())
	defer a.close()
	assert.Contains(t, a.View(), "switch ● open")
	_, cmd = a.Update(tea.KeyMsg{Type: tea.KeyEsc})
	require.NotNil(t, cmd)
	a.Update(cmd())
	assert.Contains(t, a.View(), "▸ switch")
}

package bus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/shm"
)

func init() { roles["pinned"] = pinned }

// elsewhere starts an actor in namespaces of its own, by unshare(1) with these
// flags.
func (c *crew) elsewhere(flags ...string) *child {
	c.t.Helper()
	needRoot(c.t, "makes namespaces")
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		c.t.Skip("needs unshare of util-linux")
	}
	if out, err := exec.Command(unshare, append(flags, "true")...).CombinedOutput(); err != nil {
		c.t.Skipf("needs namespaces, and this machine says: %s", out)
	}
	a := startBy(c.t, "actor", c.o, append(append([]string{unshare}, flags...), os.Args[0]))
	require.Regexp(c.t, `^ready \d+$`, a.hear())
	return a
}

// Two containers, as it were: each process is alone in a pid namespace, with a
// /proc of its own, and shares the directory of the region alone. Their pids mean
// nothing to each other, and may be the same: both are number 1 here.
var otherPids = []string{"--pid", "--fork", "--kill-child", "--mount-proc"}

func TestTwoPidNamespaces(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	left, right := c.elsewhere(otherPids...), c.elsewhere(otherPids...)
	s, err := c.b.Snapshot()
	require.NoError(t, err)
	pids := make(map[int]int)
	for _, p := range s.Participants {
		assert.True(t, p.Alive)
		pids[p.PID]++
	}
	require.Equal(t, 2, pids[1], "their pids are the same: %v", pids)

	// Wakes: nobody looks by himself for an hour.
	left.expect("ok", "subscribe")
	for i := range 20 {
		left.tell("receive %d", i)
		waiting(t, c.b, "actor")
		right.expect("ok", "publish %d %d 1", i, i+1)
		require.Equal(t, strconv.Itoa(i), left.hear())
	}
}

// Who lives is told from who does not by lock bytes: a durable subscription is not
// taken from a process that nobody can see, and is free as soon as that is dead, with
// everything that was not received; by somebody who cannot see it either.
func TestDeathInAPidNamespace(t *testing.T) {
	geo := small()
	geo.Normal.EvictAfter = time.Hour
	c := newCrew(t, bus.Options{Geometry: geo})
	pub := newPub[tick](t, c.b, nil)
	last := 0
	for range 3 {
		left, right := c.elsewhere(otherPids...), c.elsewhere(otherPids...)
		left.expect("ok", "subscribe billing")
		right.expect("in use", "subscribe billing")
		publishTicks(t, pub, last, last+5)
		last += 5
		left.kill()
		// The namespace dies with its first process, a moment later.
		require.Eventually(t, func() bool { return right.ask("subscribe billing") == "ok" }, patience, often)
		right.tell("receive %d", last-1)
		for i := last - 5; i < last; i++ {
			require.Equal(t, strconv.Itoa(i), right.hear())
		}
		// And one that holds a full lane holds it no longer than it lives.
		next := fill(t, pub, last)
		full := pub.Stats().Full
		done := async(func() error { return pub.Publish(background(), &tick{Seq: uint64(next)}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
		right.kill()
		require.Eventually(t, func() bool { return c.b.RemoveDurable("billing") == nil }, patience, often)
		require.NoError(t, result(t, done))
		last = next + 1
		require.NoError(t, c.b.RecoverDead())
		h, err := c.b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1, Ports: 1}, h, "nothing of the dead is left")
	}
}

// A process whose clocks are a day ahead: times of events do not compare, and
// everything else works, in both directions: wakes, waits for room with their
// deadlines, evictions, and recovery.
func TestAnotherTimeNamespace(t *testing.T) {
	for _, day := range []string{"86400", "-10"} {
		t.Run(day, func(t *testing.T) {
			geo := small()
			geo.High.EvictAfter, geo.Normal.EvictAfter = 10*time.Millisecond, 10*time.Millisecond
			c := newCrew(t, bus.Options{Geometry: geo})
			away := c.elsewhere("--time", "--monotonic", day, "--boottime", day)
			here := c.start()
			away.expect("ok", "subscribe")
			here.expect("ok", "subscribe")
			for _, pair := range [][2]*child{{away, here}, {here, away}} {
				for i := range 10 {
					pair[0].tell("receive %d", i)
					pair[1].tell("receive %d", i)
					waiting(t, c.b, "actor")
					pub := newPub[tick](t, c.b, nil)
					publishTicks(t, pub, i, i+1)
					require.Equal(t, strconv.Itoa(i), pair[0].hear())
					require.Equal(t, strconv.Itoa(i), pair[1].hear())
				}
			}
			// Whoever stands still is evicted by a publisher with the other clock.
			for _, pair := range [][2]*child{{away, here}, {here, away}} {
				pair[0].freeze()
				pair[1].tell("drain %d", 999)
				third := c.start()
				third.expect("ok", "publish 0 1000 1")
				require.Contains(t, pair[1].hear(), "received")
				pair[0].tell("drain %d", 999)
				pair[0].signal(syscall.SIGCONT)
				require.Regexp(t, `^received \d+ missed [1-9]\d* evicted true$`, pair[0].hear())
				third.expect("ok", "close")
			}
			// A durable subscription that went away by the other clock is held
			// no longer than it says by ours.
			away.expect("ok", "subscribe billing")
			away.kill()
			require.Eventually(t, func() bool {
				s, err := bus.Subscribe[tick](c.b, billing)
				return err == nil && s.Remove() == nil
			}, patience, often)
		})
	}
}

// pinned CPU: an actor that runs on one processor alone.
func pinned(args []string) {
	cpu, err := strconv.Atoi(args[1])
	must(err)
	var set unix.CPUSet
	set.Set(cpu)
	threads, err := os.ReadDir("/proc/self/task")
	must(err)
	for _, thread := range threads { // those to come inherit it
		tid, err := strconv.Atoi(thread.Name())
		must(err)
		must(unix.SchedSetaffinity(tid, &set))
	}
	actor(args)
}

// Processes on one and the same processor, and on different ones.
func TestCPUSets(t *testing.T) {
	var set unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &set))
	var cpus []int
	for i := range 1024 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	for _, where := range [][2]int{{cpus[0], cpus[0]}, {cpus[0], cpus[len(cpus)-1]}} {
		t.Run(fmt.Sprint(where), func(t *testing.T) {
			c := newCrew(t, bus.Options{Geometry: small()})
			var pair [2]*child
			for i, cpu := range where {
				pair[i] = start(t, "pinned", c.o, strconv.Itoa(cpu))
				require.Regexp(t, `^ready \d+$`, pair[i].hear())
				status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pair[i].cmd.Process.Pid), "status"))
				require.NoError(t, err)
				require.Contains(t, string(status), fmt.Sprintf("Cpus_allowed_list:\t%d\n", cpu))
			}
			pair[0].expect("ok", "subscribe")
			pair[0].tell("drain %d", 2999)
			pair[1].expect("ok", "publish 0 3000 1")
			require.Equal(t, "received 3000 missed 0 evicted false", pair[0].hear())
			for i := range 10 {
				pair[0].tell("receive %d", i)
				waiting(t, c.b, "actor")
				pair[1].expect("ok", "publish %d %d 1", i, i+1)
				require.Equal(t, strconv.Itoa(i), pair[0].hear())
			}
		})
	}
}

// What cannot be promised between clocks: a deadline is a time of one of them.
func TestTimesOfAnotherTimeNamespace(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	sub := newSub[tick](t, c.b, nil)
	away := c.elsewhere("--time", "--monotonic", "86400")
	away.expect("ok", "publish 0 1 1")
	m, err := sub.Receive(background())
	require.NoError(t, err)
	assert.Greater(t, m.Time, shm.Now()+int64(23*time.Hour))
	assert.LessOrEqual(t, m.Age(), time.Duration(0))
}

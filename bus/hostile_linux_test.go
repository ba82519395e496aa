package bus_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A peer with write access does its worst, for as long as everybody else has
// been through everything that can be done on a region several times. Invariants:
//
//   - nobody else dies, or panics
//   - every call returns: with what it was for, or with an error of a closed set
//   - nobody grows
//   - the region can be replaced, while the peer goes on: all who were there meet in
//     a new one, which is whole
func TestHostilePeer(t *testing.T) {
	if detector {
		t.Skip("the race detector's own memory counts as growth, and its own code does not survive a fault")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	names := slices.Sorted(maps.Keys(attacks))
	if testing.Short() {
		names = []string{"noise", "truncate"}
	}
	for _, attack := range names {
		t.Run(attack, func(t *testing.T) { underAttack(t, attack, seed) })
	}
}

const (
	// Generous: a crewman needs about 3 MiB of heap, and the region is 2 MiB.
	mostHeap       = 64 << 20
	mostResident   = 512 << 20
	mostGoroutines = 500

	// An attack takes a second or two. On a machine that is very busy with other
	// things it takes minutes; only a hang takes longer.
	longSiege = 5 * patience
)

func underAttack(t *testing.T, attack string, seed uint64) {
	geo := small()
	geo.Normal.EvictAfter, geo.Critical.EvictAfter, geo.High.EvictAfter = time.Millisecond, time.Millisecond, time.Millisecond
	geo.Normal.Shards = 2
	o := bus.Options{Dir: t.TempDir(), Geometry: geo, Heal: 5 * time.Millisecond, RecoverEvery: 10 * time.Millisecond}
	var crew []*child
	for i := range 2 {
		c := start(t, "honest", o, fmt.Sprint("honest ", i))
		require.Equal(t, "ready", c.hear())
		crew = append(crew, c)
	}
	began := tallies(t, crew)
	villain := start(t, "hostile", o, attack, strconv.FormatUint(seed, 10))
	if line := villain.hear(); strings.HasPrefix(line, "skip: ") {
		t.Skip(line)
	} else {
		require.Equal(t, "ready", line)
	}
	before := tallies(t, crew)
	rounds := func() int {
		n, err := strconv.Atoi(villain.ask("how far?"))
		require.NoError(t, err)
		return n
	}
	first := rounds()
	last := tallies(t, crew)
	for began := time.Now(); rounds() < first+20 || !wentOn(before, last); last = tallies(t, crew) {
		require.Less(t, time.Since(began), longSiege, "somebody does not go on: %v, before it was %v", last, before)
		time.Sleep(20 * time.Millisecond)
	}
	for i, a := range last {
		assert.Less(t, a.Heap, uint64(mostHeap))
		assert.Less(t, a.Resident, int64(mostResident))
		assert.Less(t, a.Goroutines, mostGoroutines)
		assert.GreaterOrEqual(t, len(a.Calls), 16)
		t.Logf("honest %d: %d calls of %d kinds, errors %v, heap %d KiB (%d before), resident %d KiB",
			i, total(a)-total(before[i]), len(a.Calls), a.Errors, a.Heap>>10, began[i].Heap>>10, a.Resident>>10)
	}
	if attack == "replace" {
		villain.kill() // or the name would never stand for one thing
		restored(t, o)
	}
	replaced(t, o, crew)
	villain.kill()
}

// wentOn tells whether each of the crew has done everything a few times more.
func wentOn(before, now []tally) bool {
	for i := range now {
		for job, n := range now[i].Calls {
			if n < before[i].Calls[job]+3 {
				return false
			}
		}
	}
	return true
}

// restored puts back what the peer has moved aside when it was killed.
func restored(t *testing.T, o bus.Options) {
	path := filepath.Join(o.Dir, "test")
	if _, err := os.Lstat(path + ".aside"); err == nil {
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, os.Rename(path+".aside", path))
	}
	require.NoError(t, os.RemoveAll(path+".decoy"))
}

// listen returns the next line of a child that must not hang. One that does shows where.
func listen(t *testing.T, c *child) string {
	t.Helper()
	line := make(chan string, 1)
	go func() { line <- c.hear() }()
	select {
	case l := <-line:
		return l
	case <-time.After(longSiege):
		c.signal(syscall.SIGQUIT)
		<-line
		require.Fail(t, "an honest process hangs")
		return ""
	}
}

func tallies(t *testing.T, crew []*child) []tally {
	t.Helper()
	all := make([]tally, len(crew))
	for i, c := range crew {
		_, _ = fmt.Fprintln(c.in, "account") // what one that has ended had to say is still there
		line := listen(t, c)
		require.NoError(t, json.Unmarshal([]byte(line), &all[i]), "%q", line)
	}
	return all
}

func total(a tally) (n uint64) {
	for _, calls := range a.Calls {
		n += calls
	}
	return n
}

// replaced has everybody replace the region at the same time, and then use the
// new one, together with this process.
func replaced(t *testing.T, o bus.Options, crew []*child) {
	t.Helper()
	for _, c := range crew {
		c.tell("replace")
	}
	for _, c := range crew {
		require.Equal(t, "<nil>", listen(t, c), "what Check says of the new region")
	}
	for _, c := range crew {
		require.Equal(t, "subscribed", listen(t, c))
	}
	b := open(t, o.Dir, o)
	s, err := b.Snapshot()
	require.NoError(t, err)
	require.Len(t, s.Participants, len(crew)+1, "all are in the same region")
	require.NoError(t, b.Check())
	pub, sub := newPub[tick](t, b, nil), newSub[call](t, b, nil)
	for i := range meetings {
		require.NoError(t, pub.PublishWith(background(), &tick{Seq: uint64(i)}, bus.With{Key: uint64(i)}))
		for range crew {
			m, err := sub.ReceiveTimeout(longSiege)
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
	}
	for _, c := range crew {
		c.tell("close")
		require.Equal(t, "closed", listen(t, c))
	}
}

package bus_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// The ledger of several processes is a file to which each appends what it
// handles, before it finishes the event: its order is that in which the events
// were handled.
const ledgerEntry = 24

func init() { roles["worker"] = worker }

// worker is a member of a group until it is told to leave: it takes the ticks of
// its lanes in place, or by Take with a goroutine for some of the keys each.
func worker(args []string) {
	s := newStage(args)
	mode := args[1]
	file, err := os.OpenFile(args[2], os.O_WRONLY|os.O_APPEND, 0)
	must(err)
	note := func(key, seq uint64) {
		var b [ledgerEntry]byte
		binary.LittleEndian.PutUint64(b[0:], key)
		binary.LittleEndian.PutUint64(b[8:], seq)
		binary.LittleEndian.PutUint64(b[16:], uint64(os.Getpid()))
		_, err := file.Write(b[:])
		must(err)
	}
	b, err := bus.Open("test", &s.options)
	must(err)
	sub, err := bus.Subscribe[tick](b, work)
	must(err)
	say("ready")
	done := async(func() error {
		if mode == "take" {
			return takeWork(sub, note)
		}
		for {
			if err := sub.View(background(), func(v *tick, e *bus.Event) error {
				note(e.Header().Key, v.Seq)
				return nil
			}); err != nil {
				return err
			}
		}
	})
	s.next()
	must(sub.Close())
	if err := <-done; !errors.Is(err, bus.ErrClosed) {
		must(err)
	}
	must(b.Close())
	say("left")
}

// takeWork spreads deliveries over goroutines, each key to the same one, so that
// they are acked out of order.
func takeWork(sub *bus.Subscriber[tick], note func(key, seq uint64)) error {
	var all sync.WaitGroup
	var queues [3]chan bus.TypedDelivery[tick]
	for i := range queues {
		queues[i] = make(chan bus.TypedDelivery[tick], 64)
		all.Go(func() {
			for d := range queues[i] {
				note(d.Event().Header().Key, d.Value().Seq)
				d.Ack()
			}
		})
	}
	defer all.Wait()
	defer func() {
		for _, q := range queues {
			close(q)
		}
	}()
	for {
		d, err := sub.Take(background())
		if err != nil {
			return err
		}
		queues[d.Event().Header().Key%uint64(len(queues))] <- d
	}
}

// squad is a group of processes.
type squad struct {
	*crew
	ledger *os.File
	mode   string
	killed map[int]bool
}

func newSquad(t *testing.T, mode string, o bus.Options) *squad {
	t.Helper()
	o.Dir = t.TempDir()
	o.Process, o.RecoverEvery = "worker", 20*time.Millisecond
	file, err := os.Create(filepath.Join(t.TempDir(), "ledger"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return &squad{&crew{t, o, open(t, o.Dir, o)}, file, mode, map[int]bool{}}
}

func (s *squad) join() *child {
	s.t.Helper()
	c := start(s.t, "worker", s.o, s.mode, s.ledger.Name())
	require.Equal(s.t, "ready", c.hear())
	return c
}

func (s *squad) leave(c *child) {
	s.t.Helper()
	c.expect("left", "leave")
}

func (s *squad) kill(c *child) {
	c.kill()
	s.killed[c.cmd.Process.Pid] = true
}

// handled is how many events are in the ledger, with those that came twice.
func (s *squad) handled() int {
	info, err := s.ledger.Stat()
	require.NoError(s.t, err)
	return int(info.Size() / ledgerEntry)
}

func (s *squad) await(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.handled() >= n }, 2*patience, often)
}

// check requires that the events of each key were handled in order and without a
// gap, and that what was handled twice was first handled by a process that was
// killed. It returns how many were.
func (s *squad) check(keys, each int) (twice int) {
	s.t.Helper()
	content, err := os.ReadFile(s.ledger.Name())
	require.NoError(s.t, err)
	require.Zero(s.t, len(content)%ledgerEntry)
	type event struct{ key, seq uint64 }
	by := map[event]int{}
	next := map[uint64]uint64{}
	for len(content) > 0 {
		le := binary.LittleEndian
		e, pid := event{le.Uint64(content), le.Uint64(content[8:])}, int(le.Uint64(content[16:]))
		content = content[ledgerEntry:]
		switch n := next[e.key]; {
		case e.seq > n:
			require.Failf(s.t, "out of order", "key %d: %d instead of %d", e.key, e.seq, n)
		case e.seq == n:
			next[e.key]++
		default:
			twice++
			require.Truef(s.t, s.killed[by[e]], "event %d of key %d came twice, and process %d was not killed", e.seq, e.key, by[e])
		}
		by[e] = pid
	}
	require.Len(s.t, next, keys)
	for key, n := range next {
		require.Equalf(s.t, uint64(each), n, "events of key %d", key)
	}
	return twice
}

// Processes share the lanes of a group while members join, leave, are frozen and
// are killed: the order of each key is exact, nothing is missed, and nothing comes
// twice but what a killed member had not finished.
func TestGroupOfProcesses(t *testing.T) {
	for _, mode := range []string{"view", "take"} {
		t.Run(mode, func(t *testing.T) {
			geo := small()
			geo.Normal.Shards = 16
			geo.Subscribers = 64
			s := newSquad(t, mode, bus.Options{Geometry: geo})
			keys, each := 100, 300
			if testing.Short() {
				each = 60
			}
			total := keys * each
			crew := []*child{s.join(), s.join(), s.join(), s.join()}
			pub := newPub[tick](t, s.b, nil)
			published := async(func() error { return publishKeys(pub, keys, 0, each) })
			const rounds = 12
			for round := range rounds {
				s.await(total * (round + 1) / (rounds + 2))
				first := crew[0]
				switch round % 4 {
				case 0:
					s.kill(first)
					crew = append(crew[1:], s.join())
				case 1:
					crew = append(crew[1:], s.join())
					s.leave(first)
				case 2:
					first.freeze()
					crew = append(crew, s.join()) // while one stands still
					first.signal(syscall.SIGCONT)
				case 3:
					first.freeze()
					s.kill(crew[1])
					s.kill(first)
					crew = crew[2:]
					crew = append(crew, s.join())
				}
			}
			require.NoError(t, result(t, published))
			require.Eventually(t, func() bool {
				snap, err := s.b.Snapshot()
				return err == nil && snap.Groups[0].Depth == 0
			}, 2*patience, often)
			for _, c := range crew {
				s.leave(c)
			}
			twice := s.check(keys, each)
			most := len(s.killed)
			if mode == "take" {
				most *= 4 * 16 // windows
			}
			assert.LessOrEqual(t, twice, most)
			t.Logf("%d events of %d keys, %d members killed, %d events came twice", total, keys, len(s.killed), twice)
			require.NoError(t, s.b.RemoveGroup("work"))
			h, err := s.b.Held()
			require.NoError(t, err)
			require.Equal(t, bus.Held{Participants: 1, Ports: h.Ports}, h)
		})
	}
}

// A frozen member keeps its lanes, and holds up no others: what is published
// there is received, also by members that join meanwhile.
func TestGroupMemberFrozen(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 4
	s := newSquad(t, "view", bus.Options{Geometry: geo})
	a := s.join()
	c := s.join()
	two := func(n map[string]int) bool { return n["worker"] == 4 }
	require.Eventually(t, func() bool { return two(leases(t, s.b)) }, patience, often)
	shares := func() map[int]int { // lanes by process
		snap, err := s.b.Snapshot()
		require.NoError(t, err)
		n := map[int]int{}
		for _, m := range snap.Groups[0].Members {
			n[m.PID] = len(m.Lanes)
		}
		return n
	}
	pa, pc := a.cmd.Process.Pid, c.cmd.Process.Pid
	require.Eventually(t, func() bool { n := shares(); return n[pa] == 2 && n[pc] == 2 }, patience, often)
	a.freeze()
	// Keys of the lanes of the one that is not frozen.
	frozen := map[int]bool{}
	snap, err := s.b.Snapshot()
	require.NoError(t, err)
	for _, m := range snap.Groups[0].Members {
		for _, l := range m.Lanes {
			frozen[l.Shard] = m.PID == pa
		}
	}
	pub := newPub[tick](t, s.b, nil)
	const events = 5 * capacity // more than a lane holds
	probe := newSub[tick](t, s.b, nil)
	var key uint64
	for ; ; key++ {
		require.NoError(t, pub.PublishWith(background(), &tick{}, bus.With{Key: key}))
		m, err := probe.Receive(background())
		require.NoError(t, err)
		if !frozen[m.Shard] {
			break
		}
	}
	require.NoError(t, probe.Close())
	for seq := 1; seq < events; seq++ {
		require.NoError(t, pub.PublishWith(background(), &tick{Seq: uint64(seq)}, bus.With{Key: key}))
	}
	s.await(events)
	d := s.join()
	pd := d.cmd.Process.Pid
	require.Eventually(t, func() bool { n := shares(); return n[pc]+n[pd] == 2 && n[pd] == 1 }, patience, often)
	require.Equal(t, 2, shares()[pa], "time takes nothing from a frozen member")
	a.signal(syscall.SIGCONT)
	require.Eventually(t, func() bool { n := shares(); return min(n[pa], n[pc], n[pd]) == 1 && n[pa]+n[pc]+n[pd] == 4 }, patience, often)
	for _, m := range []*child{a, c, d} {
		s.leave(m)
	}
}

// A member that is frozen before it has its share keeps nobody from it: what it
// does not take the others take back.
func TestGroupMemberFrozenWithoutItsShare(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 4
	s := newSquad(t, "view", bus.Options{Geometry: geo})
	a := s.join()
	b := s.join()
	c := s.join()
	require.Eventually(t, func() bool { n := leases(t, s.b); return n["worker"] == 4 }, patience, often)
	b.freeze()
	c.freeze()
	s.leave(a)
	// What a had is due to two members that stand still. One that joins gets it
	// all the same.
	d := s.join()
	require.Eventually(t, func() bool {
		snap, err := s.b.Snapshot()
		require.NoError(t, err)
		return len(snap.Groups[0].Free) == 0
	}, patience, often)
	b.signal(syscall.SIGCONT)
	c.signal(syscall.SIGCONT)
	require.Eventually(t, func() bool {
		snap, err := s.b.Snapshot()
		require.NoError(t, err)
		n := 0
		for _, m := range snap.Groups[0].Members {
			if len(m.Lanes) == 0 {
				return false
			}
			n += len(m.Lanes)
		}
		return n == 4
	}, patience, often, "all have their shares again")
	for _, m := range []*child{b, c, d} {
		s.leave(m)
	}
}

// Idle members take over when one dies that had the only lane, and find that out
// by themselves.
func TestGroupIdleMembersTakeOver(t *testing.T) {
	s := newSquad(t, "view", bus.Options{Geometry: small()})
	crew := map[int]*child{}
	for range 4 {
		c := s.join()
		crew[c.cmd.Process.Pid] = c
	}
	pub := newPub[tick](t, s.b, nil)
	for i := 0; len(crew) > 0; i++ {
		require.NoError(t, publishKeys(pub, 1, 10*i, 10*i+10))
		s.await(10*i + 10)
		snap, err := s.b.Snapshot()
		require.NoError(t, err)
		for _, m := range snap.Groups[0].Members {
			if len(m.Lanes) > 0 {
				require.Contains(t, crew, m.PID)
				s.kill(crew[m.PID])
				delete(crew, m.PID)
			}
		}
	}
	require.Len(t, s.killed, 4)
	assert.LessOrEqual(t, s.check(1, 40), 4)
	require.NoError(t, s.b.RemoveGroup("work"))
}

// Many processes join a group that does not exist, at the same time: there is one
// group, with one lease of each lane, and what was published after each of them
// was in is received.
func TestGroupRacingFounders(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 8
	geo.Participants, geo.Subscribers = 16, 8+1+6 // not one record to spare
	for round := range 4 {
		s := newSquad(t, "view", bus.Options{Geometry: geo})
		var crew []*child
		for range 6 {
			crew = append(crew, start(t, "worker", s.o, s.mode, s.ledger.Name()))
		}
		pub := newPub[tick](t, s.b, nil)
		for _, c := range crew {
			require.Equal(t, "ready", c.hear(), "round %d", round)
			require.NoError(t, publishKeys(pub, 30, s.handled()/30, s.handled()/30+1))
			n := s.handled()/30 + 1
			s.await(30 * n)
		}
		snap, err := s.b.Snapshot()
		require.NoError(t, err)
		require.Len(t, snap.Groups, 1)
		require.Equal(t, 8, snap.Groups[0].Lanes)
		require.Len(t, snap.Groups[0].Members, 6)
		for _, c := range crew {
			s.leave(c)
		}
		require.Zero(t, s.check(30, 6))
		require.NoError(t, s.b.RemoveGroup("work"))
		h, err := s.b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1, Ports: h.Ports}, h)
	}
}

// RemoveGroup refuses while a process is in the group, and recovers it if it is
// dead.
func TestRemoveGroupOfTheDead(t *testing.T) {
	s := newSquad(t, "view", bus.Options{Geometry: sharded()})
	a := s.join()
	err := s.b.RemoveGroup("work")
	require.ErrorIs(t, err, bus.ErrInUse)
	require.ErrorContains(t, err, fmt.Sprint("process ", a.cmd.Process.Pid))
	a.kill()
	require.NoError(t, s.b.RemoveGroup("work"))
	require.ErrorIs(t, s.b.RemoveGroup("work"), bus.ErrNotExist)
}

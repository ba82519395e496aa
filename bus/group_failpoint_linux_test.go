//go:build failpoint

package bus_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

func init() { roles["doomed-member"] = doomedMember }

// doomedMember lives a whole life in a group, with two members, and is killed or
// frozen when it reaches a step for the nth time. A victim lives only until it has
// deliveries out.
func doomedMember(args []string) {
	s := newStage(args)
	life, step, mode := args[1], failpoint.Step(args[2]), args[3]
	strikeAt(step, mode, number(args[4]))
	b, err := bus.Open("test", &s.options)
	must(err)
	pub, err := bus.NewPublisher[tick](b, nil)
	must(err)
	join := func() *bus.Subscriber[tick] {
		m, err := bus.Subscribe[tick](b, work)
		must(err)
		return m
	}
	publish := func() {
		for k := range uint64(20) {
			must(pub.PublishWith(background(), &tick{}, bus.With{Key: 1000 + k}))
		}
	}
	takes := func(m *bus.Subscriber[tick]) bus.TypedDelivery[tick] {
		for {
			d, err := m.Take(background())
			if !errors.Is(err, bus.ErrLag) {
				must(err)
				return d
			}
		}
	}
	x := join()
	publish()
	if life == "victim" {
		takes(x)
		takes(x)
		say("end")
		s.next()
	}
	must(b.RecoverDead())
	out := takes(x)
	y := join()
	another, err := x.TryTake() // lets go
	if err == nil {
		another.Ack()
	} else if !errors.Is(err, bus.ErrEmpty) && !errors.Is(err, bus.ErrLag) {
		must(err)
	}
	publish()
	takes(y).Ack()
	out.Ack()
	must(x.Close())
	takes(y).Ack()
	must(y.Close())
	err = b.RemoveGroup("work")
	if !errors.Is(err, bus.ErrInUse) && !errors.Is(err, bus.ErrNotExist) {
		must(err)
	}
	x = join()
	must(x.Close())
	must(b.Close())
	say("end")
}

// groupSteps are those of groups, and those of what groups are made of.
func groupSteps() (steps []failpoint.Step) {
	for _, s := range append(bus.Steps(), ring.Steps()...) {
		name := string(s)
		switch {
		case strings.HasPrefix(name, "group/"), strings.HasPrefix(name, "recovery/") && s != "recovery/types",
			s == "subscription/leave", s == "subscription/candidate", s == "subscription/activate",
			s == "joiner/joined", s == "reader/pin", s == "reader/move-cursor", s == "recoverer/clear-cursor":
			steps = append(steps, s)
		}
	}
	return steps
}

func TestGroupFailpoints(t *testing.T) {
	for _, mode := range []string{"kill", "freeze"} {
		t.Run(mode, func(t *testing.T) {
			runs := 0
			for _, step := range groupSteps() {
				reached := 0
				for _, life := range []string{"founder", "heir"} {
					for hit := 1; hit <= maxHits && groupFailAt(t, life, step, mode, hit); hit++ {
						reached++
						if testing.Short() {
							break
						}
					}
				}
				t.Logf("%-30s %s, %d times", step, mode, reached)
				assert.Positivef(t, reached, "step %s is not reached", step)
				runs += reached
			}
			t.Logf("%d runs, all survived: %s", runs, mode)
		})
	}
}

// groupFailAt lets a process die or freeze at a step: one that founds the group, or
// one that joins it after a member that was killed. It checks that another member
// goes on and that all comes back. It returns false if the step was not reached so
// often.
func groupFailAt(t *testing.T, life string, step failpoint.Step, mode string, hit int) bool {
	t.Helper()
	geo := sharded()
	geo.Normal.Shards = 3
	if mode == "freeze" {
		geo.Normal.EvictAfter = time.Millisecond // what is alive and stands still
	}
	o := bus.Options{Geometry: geo, Dir: t.TempDir()}
	c := &crew{t, o, open(t, o.Dir, o)}
	defer func() { require.NoError(t, c.b.Close()) }()
	pub := newPub[tick](t, c.b, nil)
	if life == "heir" {
		victim := start(t, "doomed-member", c.o, "victim", "group/none", "kill", "1")
		require.Equal(t, "end", victim.hear())
		victim.kill()
	}
	child := start(t, "doomed-member", c.o, life, string(step), mode, fmt.Sprint(hit))
	if mode == "kill" {
		if child.hear() == "end" {
			return false
		}
		child.kill()
		require.Equal(t, syscall.SIGKILL, child.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	} else if !child.stopped() {
		require.Equal(t, "end", child.hear())
		return false
	}
	at := fmt.Sprintf("%s: %s at %s, hit %d", life, mode, step, hit)
	m := groupSurvives(t, c, pub, mode, at)
	child.kill()
	groupComesBack(t, c, pub, m, at)
	return true
}

// groupSurvives joins the group while another process is dead or frozen. What is
// published on its lanes comes in order and once; if the other is dead, they are
// all lanes.
func groupSurvives(t *testing.T, c *crew, pub *bus.Publisher[tick], mode, at string) *bus.Subscriber[tick] {
	t.Helper()
	m, err := bus.Subscribe[tick](c.b, work)
	require.NoError(t, err, at)
	const keys, each = 6, capacity / 2
	published := async(func() error { return publishKeys(pub, keys, 0, each) })
	received := got{}
	if mode == "kill" {
		received.receive(t, m, keys, each, at)
		require.NoError(t, result(t, published), at)
		return m
	}
	// Of the lanes that the frozen one has, nothing comes; nobody waits for it.
	for done := false; !done; {
		select {
		case err := <-published:
			require.NoError(t, err, at)
			done = true
		default:
		}
		received.receiveSome(t, m, at)
	}
	return m
}

// got is what a member received of each key.
type got map[uint64]struct {
	next  uint64
	shard int
}

// receiveSome receives what is there, and checks its order.
func (g got) receiveSome(t *testing.T, m *bus.Subscriber[tick], at string) {
	t.Helper()
	msg, err := m.ReceiveTimeout(10 * time.Millisecond)
	var lag *bus.LagError
	switch {
	case errors.Is(err, bus.ErrTimeout):
	case errors.As(err, &lag): // it was slow, or takes over what had been evicted
		for k, v := range g {
			if v.shard == lag.Shard {
				delete(g, k)
			}
		}
	default:
		require.NoError(t, err, at)
		last, ok := g[msg.Key]
		if ok && msg.Key < 1000 { // others are of the dead
			require.Equal(t, last.next, msg.Value.Seq, at)
		}
		last.next, last.shard = msg.Value.Seq+1, msg.Shard
		g[msg.Key] = last
	}
}

// receive receives until it has the last event of each key.
func (g got) receive(t *testing.T, m *bus.Subscriber[tick], keys, each int, at string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for missing := keys; missing > 0; {
		require.True(t, time.Now().Before(deadline), "%s: has %v", at, g)
		g.receiveSome(t, m, at)
		missing = keys
		for k := range uint64(keys) {
			if g[k].next == uint64(each) {
				missing--
			}
		}
	}
}

// groupComesBack requires that all lanes are there again once the other is dead,
// and that nothing is left when the group is removed.
func groupComesBack(t *testing.T, c *crew, pub *bus.Publisher[tick], m *bus.Subscriber[tick], at string) {
	t.Helper()
	const keys, each = 6, 100
	published := async(func() error { return publishKeys(pub, keys, capacity/2, each) })
	got{}.receive(t, m, keys, each, at)
	require.NoError(t, result(t, published), at)
	require.NoError(t, m.Close(), at)
	require.NoError(t, c.b.RecoverDead(), at)
	require.NoError(t, c.b.RemoveGroup("work"), at)
	h, err := c.b.Held()
	require.NoError(t, err, at)
	require.Equal(t, bus.Held{Participants: 1, Ports: 3}, h, at)
	require.NoError(t, c.b.CheckLanes(), at)
}

// However many found a group at the same time, there is one, with one lease of
// each lane as soon as any of them is in: also where candidates meet and push each
// other back.
func TestGroupFoundersMeet(t *testing.T) {
	var candidates atomic.Int64
	failpoint.Set(func(s failpoint.Step) {
		if s != "subscription/candidate" || rand.IntN(3) == 0 {
			return
		}
		// Until another one is here, if one comes.
		n := candidates.Add(1)
		for wait := time.Now().Add(time.Millisecond); n%2 == 1 && candidates.Load() == n && time.Now().Before(wait); {
			runtime.Gosched()
		}
	})
	defer failpoint.Set(nil)
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		for range 20 {
			var all []*bus.Subscriber[tick]
			members := make(chan *bus.Subscriber[tick], 2)
			var start sync.WaitGroup
			start.Add(cap(members))
			for range cap(members) {
				go func() {
					start.Done()
					start.Wait()
					m, err := bus.Subscribe[tick](b, work)
					assert.NoError(t, err)
					members <- m
				}()
			}
			for i := range cap(members) {
				m := result(t, members)
				require.NotNil(t, m)
				all = append(all, m)
				s, err := b.Snapshot()
				require.NoError(t, err)
				require.Len(t, s.Groups, 1)
				require.Equal(t, shards, s.Groups[0].Lanes, "when member %d is in", i)
			}
			for _, m := range all {
				require.NoError(t, m.Close())
			}
			require.NoError(t, b.RemoveGroup("work"))
		}
	})
}

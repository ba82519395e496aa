//go:build failpoint

package bus_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// The events that only these tests register.
type (
	draft  struct{ A, B uint64 }
	fresh  struct{ A, B, C uint64 }
	lively struct{ Seq uint64 }
)

func init() { roles["doomed"] = doomed }

// doomed lives a whole life on a bus, and is killed or frozen when it reaches a
// step for the nth time. A victim lives only up to a draft of a type.
func doomed(args []string) {
	s := newStage(args)
	life, step, mode := args[1], failpoint.Step(args[2]), args[3]
	strikeAt(step, mode, number(args[4]))
	b, err := bus.Open("test", &s.options)
	must(err)
	pub, err := bus.NewPublisher[tick](b, nil)
	must(err)
	if life == "victim" {
		subscribeTicks(b, "")
		subscribeTicks(b, "archive")
		must(pub.Publish(background(), &tick{}))
		_, err = bus.TypeFor[draft](b)
		must(err)
		say("end")
		return
	}
	_, err = bus.TypeFor[fresh](b)
	must(err)
	plain, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 4, Start: bus.StartPosition})
	must(err)
	must(pub.Publish(background(), &tick{}))
	_, err = plain.Receive(background())
	must(err)
	must(plain.Close())
	durable, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: "billing", Window: 4, HoldEvents: 16})
	must(err)
	must(durable.Close())
	// Again, and on more lanes.
	all, err := b.Subscribe(&bus.SubscribeOptions{Durable: "billing", Window: 4, Start: bus.StartOldest, HoldEvents: 12})
	must(err)
	must(pub.Publish(background(), &tick{}))
	_, err = all.Receive(background())
	must(err)
	must(all.Close())
	// And in vain: before it has begun on a lane, and between two. One that is frozen while
	// it asks for too many pins has them, and nobody else.
	hog, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 40})
	must(err)
	vain := []bus.SubscribeOptions{{Window: 4, Priorities: []bus.Priority{bus.Low}}, {Window: 24}}
	if mode == "freeze" {
		vain = vain[:1]
	}
	for _, o := range vain {
		o.Durable = "billing"
		if _, err := b.Subscribe(&o); !errors.Is(err, bus.ErrOptions) && !errors.Is(err, bus.ErrPinBudget) {
			must(fmt.Errorf("a subscription that is to come to nothing: %w", err))
		}
	}
	must(hog.Close())
	server, err := bus.Serve(b, &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Window: 4}}, double)
	must(err)
	must(server.Close())
	must(b.RecoverDead())
	must(b.Close())
	say("end")
}

// strikeAt kills or freezes this process when it reaches step for the nth time.
func strikeAt(step failpoint.Step, mode string, n uint64) {
	var hits atomic.Uint64
	failpoint.Set(func(at failpoint.Step) {
		if at != step || hits.Add(1) != n {
			return
		}
		sig := unix.SIGKILL
		if mode == "freeze" {
			sig = unix.SIGSTOP
		}
		// To this very thread, which does not come back from the call before it
		// has had its effect.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		must(unix.Tgkill(os.Getpid(), unix.Gettid(), sig))
	})
}

func subscribeTicks(b *bus.Bus, durable string) *bus.Subscriber[tick] {
	s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: durable, Window: 4})
	must(err)
	return s
}

// failSteps are all steps of this package, and those of the ring that change
// what a participant holds.
func failSteps() []failpoint.Step {
	var steps []failpoint.Step
	for _, s := range bus.Steps() {
		group, static := strings.HasPrefix(string(s), "group/"), strings.HasPrefix(string(s), "static/")
		if !group && !static && s != "region/removed" { // those have tests of their own
			steps = append(steps, s)
		}
	}
	for _, s := range ring.Steps() {
		switch {
		case strings.HasPrefix(string(s), "joiner/"),
			s == "reader/store-hold", s == "reader/bump-generation",
			s == "producer/port-claimed", s == "producer/port-release",
			s == "recoverer/load-intent", s == "recoverer/free-port", s == "recoverer/clear-cursor":
			steps = append(steps, s)
		}
	}
	return steps
}

// maxHits is how often a step is passed at most before it is the end: a step
// has several meanings in a life.
const maxHits = 40

func TestFailpoints(t *testing.T) {
	steps := failSteps()
	for _, mode := range []string{"kill", "freeze"} {
		t.Run(mode, func(t *testing.T) {
			runs := 0
			for i, step := range steps {
				reached := 0
				for reached < maxHits && failAt(t, step, mode, reached+1) {
					reached++
					if testing.Short() {
						break
					}
				}
				t.Logf("%2d of %d  %-35s %s, %d times", i+1, len(steps), step, mode, reached)
				assert.Positivef(t, reached, "step %s is not reached", step)
				runs += reached
			}
			t.Logf("%d steps, %d runs, all survived: %s", len(steps), runs, mode)
		})
	}
}

// failAt lets a process die or freeze at a step, with the remains of another
// about, and checks that the others go on and that all comes back. It returns
// false if the step was not reached so often.
func failAt(t *testing.T, step failpoint.Step, mode string, hit int) bool {
	t.Helper()
	geo := small()
	if mode == "freeze" {
		for p := bus.Critical; p <= bus.Low; p++ {
			geo.Lane(p).EvictAfter = time.Millisecond // what is alive and stands still
		}
	}
	c := newCrew(t, bus.Options{Geometry: geo})
	defer func() { require.NoError(t, c.b.Close()) }()
	pub := newPub[tick](t, c.b, nil)
	victim := start(t, "doomed", c.o, "victim", "type/publish", "kill", "1")
	require.Empty(t, victim.hear(), "the victim ends within its draft")
	victim.kill()

	child := start(t, "doomed", c.o, "life", string(step), mode, fmt.Sprint(hit))
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
	at := fmt.Sprintf("%s at %s, hit %d", mode, step, hit)
	survive(t, c, pub, at)
	child.kill()
	nothingLeft(t, c, at)
	return true
}

// stopped waits until the child has stopped or ended.
func (c *child) stopped() bool {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); !errors.Is(err, syscall.EINTR) {
			require.NoError(c.t, err)
			return status.Stopped()
		}
	}
}

// survive uses all that a bus offers while another process is dead or frozen.
func survive(t *testing.T, c *crew, pub *bus.Publisher[tick], at string) {
	t.Helper()
	_, err := bus.TypeFor[lively](c.b)
	require.NoError(t, err, at)
	_, err = bus.TypeFor[fresh](c.b)
	require.NoError(t, err, at)
	other, err := bus.Open("test", &c.o)
	require.NoError(t, err, at)
	defer func() { require.NoError(t, other.Close(), at) }()
	sub := newSub[tick](t, other, &bus.SubscribeOptions{Window: 4})
	requireHeard(t, c, nil, at)
	// What the dead left of a durable subscription holds the lane back until
	// somebody takes it over.
	for _, name := range []string{"archive", "billing"} {
		d, err := c.b.Subscribe(&bus.SubscribeOptions{Durable: name, Window: 4})
		if errors.Is(err, bus.ErrInUse) {
			continue // by the frozen one
		}
		require.NoError(t, err, at)
		require.NoError(t, d.Remove(), at)
	}
	const events = 3 * capacity
	done := async(func() error {
		for i := range events {
			if err := pub.PublishWith(background(), &tick{Seq: uint64(i)}, bus.With{Key: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	expect := uint64(0)
	for expect < events {
		m, err := sub.Receive(background())
		var lag *bus.LagError
		if errors.As(err, &lag) && lag.Evicted {
			expect += lag.Missed
			continue
		}
		require.NoError(t, err, at)
		require.Equal(t, expect, m.Value.Seq, at)
		expect++
	}
	require.NoError(t, result(t, done), at)
	require.NoError(t, sub.Close(), at)
}

// requireHeard expects a publisher to find, or not to find, somebody who takes
// ticks. What it publishes to nobody is not published.
func requireHeard(t *testing.T, c *crew, expect error, at string) {
	t.Helper()
	pub := newPub[tick](t, c.b, &bus.PublisherOptions{RequireSubscriber: true})
	loan, err := pub.Loan()
	require.NoError(t, err, at)
	defer loan.Discard()
	require.ErrorIs(t, loan.Heard(), expect, at)
}

// nothingLeft recovers what is dead and requires that nothing is taken but what
// is ours.
func nothingLeft(t *testing.T, c *crew, at string) {
	t.Helper()
	require.NoError(t, c.b.RecoverDead(), at)
	for _, name := range []string{"archive", "billing"} {
		d, err := c.b.Subscribe(&bus.SubscribeOptions{Durable: name, Window: 4})
		require.NoError(t, err, at)
		require.NoError(t, d.Remove(), at)
	}
	requireHeard(t, c, bus.ErrNoSubscriber, at)
	h, err := c.b.Held()
	require.NoError(t, err, at)
	require.Equal(t, bus.Held{Participants: 1, Ports: 1}, h, at)
	require.NoError(t, c.b.CheckLanes(), at)
}

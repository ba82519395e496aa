//go:build failpoint

package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
)

func init() { roles["doomed-static"] = doomedStatic }

// doomedStatic makes a region and a static ring beside it, uses the ring, removes
// both, and does so again, and is killed or frozen when it reaches a step for the
// nth time. A victim lives only until it has the ring in use. What others do
// meanwhile may get in its way.
func doomedStatic(args []string) {
	s := newStage(args)
	life, step, mode := args[1], failpoint.Step(args[2]), args[3]
	strikeAt(step, mode, number(args[4]))
	tolerate := func(err error) bool {
		for _, ok := range []error{bus.ErrInUse, bus.ErrNotExist, bus.ErrLag, bus.ErrEmpty} {
			if errors.Is(err, ok) {
				return false
			}
		}
		must(err)
		return true
	}
	for range 2 {
		b, err := bus.Open("test", &s.options)
		must(err)
		r, err := bus.OpenStatic[tick](b, "ticks", evictingStatic())
		must(err)
		pub, err := r.Publisher()
		must(err)
		sub, err := r.Subscribe(&bus.SubscribeOptions{Window: 4})
		must(err)
		durable, err := r.Subscribe(&bus.SubscribeOptions{Window: 4, Durable: "archive"})
		if tolerate(err) {
			must(pub.Publish(background(), &tick{}))
			_, err = durable.TryReceive()
			tolerate(err)
		}
		if life == "victim" {
			say("end")
			s.next()
		}
		_, err = sub.TryReceive()
		tolerate(err)
		must(r.Close())
		must(b.Close())
		tolerate(bus.Remove("test", &s.options))
	}
	say("end")
}

// staticSteps are those of static rings and of the removal of regions, and those
// that a ring's own region passes through.
func staticSteps() (steps []failpoint.Step) {
	for _, s := range bus.Steps() {
		role, _, _ := strings.Cut(string(s), "/")
		switch {
		case role == "static", role == "region", role == "participant",
			role == "recovery" && s != "recovery/types", // a ring has its type from the start
			s == "subscription/candidate", s == "subscription/leave", s == "subscription/activate":
			steps = append(steps, s)
		}
	}
	return steps
}

func TestEveryStepOfAStaticRingIsSurvived(t *testing.T) {
	steps := staticSteps()
	for _, mode := range []string{"kill", "freeze"} {
		t.Run(mode, func(t *testing.T) {
			runs := 0
			for i, step := range steps {
				reached := 0
				for _, remains := range []bool{true, false} {
					for hit := 1; hit <= maxHits && staticFailAt(t, step, mode, hit, remains); hit++ {
						reached++
						if testing.Short() {
							break
						}
					}
				}
				t.Logf("%2d of %d  %-25s %s, %d times", i+1, len(steps), step, mode, reached)
				assert.Positivef(t, reached, "step %s is not reached", step)
				runs += reached
			}
			t.Logf("%d steps, %d runs, all survived: %s", len(steps), runs, mode)
		})
	}
}

// staticFailAt is one run, with or without the remains of a process that died with
// the ring in use. It returns false if the step was not reached so often.
func staticFailAt(t *testing.T, step failpoint.Step, mode string, hit int, remains bool) bool {
	t.Helper()
	at := fmt.Sprintf("%s at %s, hit %d, remains %t", mode, step, hit, remains)
	o := bus.Options{Geometry: small(), Dir: t.TempDir()}
	if remains {
		victim := start(t, "doomed-static", o, "victim", "static/none", "kill", "1")
		require.Equal(t, "end", victim.hear(), at)
		victim.kill()
	}
	child := start(t, "doomed-static", o, "life", string(step), mode, fmt.Sprint(hit))
	if mode == "kill" {
		if last := child.hear(); last != "" {
			require.Equal(t, "end", last, at)
			return false
		}
		child.kill()
		require.Equal(t, syscall.SIGKILL, child.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), at)
	} else if !child.stopped() {
		require.Equal(t, "end", child.hear(), at)
		return false
	}

	b, err := bus.Open("test", &o)
	require.NoError(t, err, at)
	r, err := bus.OpenStatic[tick](b, "ticks", evictingStatic())
	require.NoError(t, err, at)
	pub, sub := staticPub(t, r), staticSub(t, r, &bus.SubscribeOptions{Window: 4})
	const events = 3 * capacity
	published := async(func() error {
		for i := range events {
			if err := pub.Publish(background(), &tick{Seq: uint64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	for expect := uint64(0); expect < events; {
		v, err := sub.Receive(background())
		var lag *bus.LagError
		if errors.As(err, &lag) && lag.Evicted { // it was slow
			expect += lag.Missed
			continue
		}
		require.NoError(t, err, at)
		require.Equal(t, expect, v.Seq, at)
		expect++
	}
	require.NoError(t, result(t, published), at)

	child.kill()
	for _, one := range []*bus.Bus{b, r.Bus()} {
		require.NoError(t, one.RecoverDead(), at)
		require.NoError(t, one.CheckLanes(), at)
	}
	if err := r.Bus().RemoveDurable("archive"); !errors.Is(err, bus.ErrNotExist) {
		require.NoError(t, err, at)
	}
	h, err := r.Bus().Held()
	require.NoError(t, err, at)
	require.Equal(t, bus.Held{Participants: 1, Subscribers: 1, Ports: 1, Pins: 4, Cursors: 1}, h, at)
	require.NoError(t, r.Close(), at)
	require.NoError(t, b.Close(), at)
	require.NoError(t, bus.Remove("test", &o), at)
	require.Empty(t, filesOf(t, o.Dir), at)
	return true
}

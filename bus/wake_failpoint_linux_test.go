//go:build failpoint

package bus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
)

func init() { roles["waker"] = waker }

// waker publishes one event and is killed at a step of waking who sleeps.
func waker(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	pub, err := bus.NewPublisher[tick](b, nil)
	must(err)
	strikeAt(failpoint.Step(args[1]), args[2], 1)
	must(pub.PublishWith(background(), &tick{Seq: 7}, bus.With{Key: 7}))
	say("end")
}

// A publisher that dies or freezes between its event and the wake loses the
// wake, and nothing else: the sleeper looks for itself after Heal.
func TestWakerFails(t *testing.T) {
	for _, mode := range []string{"kill", "freeze"} {
		for _, step := range []string{"waker/clear-interest", "waker/count", "waker/wake"} {
			wakerFails(t, mode, step, bus.Filter{})
			wakerFails(t, mode, step, bus.Keys(7))
		}
	}
}

func wakerFails(t *testing.T, mode, step string, filter bus.Filter) {
	t.Run(mode+"/"+step+"/"+filter.String(), func(t *testing.T) {
		c := newCrew(t, bus.Options{Geometry: small()})
		o := c.o
		o.Heal = 20 * time.Millisecond
		b := open(t, o.Dir, o)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: bus.WaitPark, Filter: filter})
		done := async(func() error {
			m, err := sub.Receive(background())
			require.Equal(t, uint64(7), m.Value.Seq)
			return err
		})
		waiting(t, b, "waiter")
		child := start(t, "waker", c.o, step, mode)
		if mode == "kill" {
			require.Empty(t, child.hear(), "the step is not reached")
		} else {
			require.True(t, child.stopped(), "the step is not reached")
		}
		require.NoError(t, result(t, done))
		child.kill()
		require.NoError(t, b.RecoverDead())
	})
}

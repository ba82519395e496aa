package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	// A durable handler that says what it begins and ends, and never ends one of
	// them.
	roles["handler"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		hold := number(args[1])
		o := &bus.HandlerOptions{MaxConcurrent: 4, SubscribeOptions: bus.SubscribeOptions{Durable: "work", Window: handlerWindow}}
		_, err = bus.Handle(b, o, func(_ context.Context, v *tick, e *bus.Event) error {
			say("begin %d", v.Seq)
			if v.Seq == hold {
				select {}
			}
			say("end %d", v.Seq)
			return nil
		})
		must(err)
		say("ready 0")
		for {
			s.next()
		}
	}
}

const handlerWindow = 16

// A process that handles events of a durable subscription is killed with some in
// hand, again and again. The next one handles those and all that come after:
// nothing is missed, and what is handled twice had not been finished, or lay
// behind what had not.
func TestHandlerKilled(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	const events = 600
	durable := newSub[tick](t, c.b, &bus.SubscribeOptions{Durable: "work", Window: handlerWindow})
	require.NoError(t, durable.Close())
	pub := newPub[tick](t, c.b, nil)
	published := async(func() error {
		for i := range uint64(events) {
			if err := pub.PublishWith(background(), &tick{Seq: i}, bus.With{Key: i % 9}); err != nil {
				return err
			}
		}
		return nil
	})
	var begun [events]int
	var ended [events]bool
	unfinished := uint64(0) // the first that has not ended
	for hold := uint64(37); unfinished < events; hold += 37 {
		p := start(t, "handler", c.o, fmt.Sprint(hold))
		first, killed := unfinished, false
		for unfinished < events {
			line := p.hear()
			if line == "" {
				break // it has said all
			}
			var what string
			var seq uint64
			_, err := fmt.Sscanf(line, "%s %d", &what, &seq)
			require.NoError(t, err, line)
			switch what {
			case "begin":
				// An event has ended a moment before it is acked.
				require.Greater(t, seq+handlerWindow, first, "what has been finished, with all before it, does not come again")
				begun[seq]++
				if seq == hold && !killed {
					p.kill()
					killed = true
				}
			case "end":
				ended[seq] = true
				for unfinished < events && ended[unfinished] {
					unfinished++
				}
			}
		}
		p.kill()
	}
	require.NoError(t, result(t, published))
	for i, n := range begun {
		assert.Positive(t, n, "event %d", i)
		assert.LessOrEqual(t, n, 2, "event %d: a window is shorter than what lies between two deaths", i)
	}
}

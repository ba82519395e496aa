package events_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// The session layer asks, the dialog layer answers: with what came of it, or with an error.
func Example_callCommand() {
	b := openSwitch()
	defer b.Close()
	_, err := bus.Serve(b, &bus.ServeOptions{ // in the dialog layer, in as many processes as there are
		SubscribeOptions: bus.SubscribeOptions{Group: "dialog-core"}, // one of them answers
		MaxConcurrent:    64,                                         // commands of a call are served one by one
	},
		func(_ context.Context, c *events.CallCommand, _ *bus.Event) (events.CallReply, error) {
			if c.Action != events.ActionInitiate {
				return events.CallReply{}, fmt.Errorf("no dialog to %v", c.Action)
			}
			r := events.CallReply{Ref: c.Ref, Status: 180}
			r.OK.Set(true)
			return r, r.Dialog.Set("0b9e29ac-0000-4000-8000-5c26dd7ba2c1")
		})
	check(err)

	dialogs, err := bus.NewClient[events.CallCommand, events.CallReply](b, nil) // in the session layer
	check(err)
	ref, err := events.NewRef("a84b4c76e66710", "session-6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	check(err)
	for _, action := range []events.Action{events.ActionInitiate, events.ActionHold} {
		c := events.CallCommand{Ref: ref, Action: action}
		check(c.To.Set("sip:bob@example.com"))
		m, err := dialogs.CallWith(context.Background(), &c, bus.With{Key: ref.Call})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(m.Value.Status, m.Value.Dialog.String())
	}
	// Output:
	// 180 0b9e29ac-0000-4000-8000-5c26dd7ba2c1
	// bus: server 0: no dialog to hold
}

// Calls are worked on at the same time, by several workers in several processes, and the
// events of a call one after the other. Two workers in one process stand for them.
func Example_sessionCore() {
	b := openSwitch()
	defer b.Close()
	const calls = 20
	var mu sync.Mutex
	var done sync.WaitGroup
	done.Add(3 * calls)
	histories := map[uint64][]events.CallState{}
	for range 2 {
		_, err := bus.Handle(b, &bus.HandlerOptions{
			SubscribeOptions: bus.SubscribeOptions{Group: "session-core"}, // each event goes to one of the group
			MaxConcurrent:    16,
			OnError:          func(err error) { fmt.Println(err) },
		}, func(_ context.Context, v *events.CallStateChanged, _ *bus.Event) error {
			mu.Lock()
			defer mu.Unlock()
			histories[v.Call] = append(histories[v.Call], v.State)
			done.Done()
			return nil
		})
		check(err)
	}

	pub, err := bus.NewPublisher[events.CallStateChanged](b, &bus.PublisherOptions{RequireSubscriber: true})
	check(err)
	for seq, state := range []events.CallState{events.CallInitiating, events.CallRinging, events.CallAnswered} {
		for call := range uint64(calls) {
			e := events.CallStateChanged{Ref: events.Ref{Call: call}, Seq: uint32(seq + 1), State: state}
			check(pub.PublishWith(context.Background(), &e, bus.With{Key: call})) // ErrNoSubscriber: nobody would know
		}
	}
	done.Wait()
	fmt.Println(len(histories), "calls:", histories[1], histories[calls-1])
	// Output: 20 calls: [initiating ringing answered] [initiating ringing answered]
}

// One call, or one thing that may happen to any call, is a filter.
func Example_followACall() {
	b := openSwitch()
	defer b.Close()
	types, err := events.Types(b, events.CallStateChanged{}, events.DialogEvent{}, events.DTMF{})
	check(err)
	one, err := b.Subscribe(&bus.SubscribeOptions{ // all that happens to a call; looks at headers alone
		Types: types, Filter: bus.Keys(events.CallKey("a84b4c76e66710")),
	})
	check(err)
	failures, err := bus.Subscribe[events.CallStateChanged](b, &bus.SubscribeOptions{
		Filter: bus.Field("State").Is(events.CallFailed).And(bus.Field("Status").Between(500, 599)),
	})
	check(err)

	ctx := context.Background()
	states, err := bus.NewPublisher[events.CallStateChanged](b, nil)
	check(err)
	digits, err := bus.NewPublisher[events.DTMF](b, nil)
	check(err)
	for id, status := range map[string]uint16{"a84b4c76e66710": 486, "3848276298220188511": 503} {
		e := events.CallStateChanged{Ref: events.Ref{Call: events.CallKey(id)}, State: events.CallFailed, Status: status}
		check(states.PublishWith(ctx, &e, bus.With{Key: e.Call}))
		d := events.DTMF{Ref: e.Ref, Duration: 100}
		d.Digits.SetTruncate("5")
		check(digits.PublishWith(ctx, &d, bus.With{Key: d.Call}))
	}
	for range 2 {
		check(one.View(ctx, func(e *bus.Event) error {
			if v, ok := bus.As[events.CallStateChanged](e); ok {
				fmt.Println("one call:", v.State, v.Status)
			} else if v, ok := bus.As[events.DTMF](e); ok {
				fmt.Println("one call: digits", v.Digits.String())
			}
			return nil
		}))
	}
	m, err := failures.Receive(ctx)
	check(err)
	fmt.Println("any call:", m.Value.State, m.Value.Status)
	// Output:
	// one call: failed 486
	// one call: digits 5
	// any call: failed 503
}

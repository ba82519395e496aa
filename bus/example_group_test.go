package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"sync/atomic"

	"github.com/rvoip/shmbus/bus"
)

// The members of a group share the events: each goes to one of them, and the
// events of a key come in order. Members may be in any processes; here two are in
// one.
func ExampleSubscribe_group() {
	geo := bus.Geometry{Critical: bus.LaneGeometry{Shards: 4}} // what a group deals out
	b, err := bus.OpenLocal(&bus.Options{Geometry: geo})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	const calls, states = 20, 5
	var handled atomic.Int64
	ctx, done := context.WithCancel(context.Background())
	defer done()
	var members sync.WaitGroup
	for range 2 {
		sub, err := bus.Subscribe[CallState](b, &bus.SubscribeOptions{Group: "billing"})
		if err != nil {
			log.Fatal(err)
		}
		members.Go(func() {
			defer sub.Close()
			for {
				err := sub.View(ctx, func(v *CallState, e *bus.Event) error {
					if handled.Add(1) == calls*states {
						done()
					}
					return nil
				})
				if errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					log.Fatal(err)
				}
			}
		})
	}

	for state := range uint32(states) {
		for call := range uint64(calls) {
			// The key, a hash of the Call-ID say, keeps the call in order.
			if err := pub.PublishWith(context.Background(), &CallState{State: state}, bus.With{Key: call}); err != nil {
				log.Fatal(err)
			}
		}
	}
	members.Wait()
	fmt.Println("handled", handled.Load())

	if err := b.RemoveGroup("billing"); err != nil { // forgets it for good
		log.Fatal(err)
	}
	// Output: handled 100
}

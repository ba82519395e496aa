package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// One subscription receives several types over several lanes, the highest
// priority first.
func ExampleBus_Subscribe() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	packets, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	states, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := b.Subscribe(&bus.SubscribeOptions{Types: []bus.TypeID{packets.Type(), states.Type()}})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	_ = packets.Publish(ctx, &Packet{Seq: 1})
	_ = packets.Publish(ctx, &Packet{Seq: 2})
	_ = states.Publish(ctx, &CallState{State: 486})

	for range 3 {
		err := sub.View(ctx, func(e *bus.Event) error {
			if s, ok := bus.As[CallState](e); ok {
				fmt.Println(e.Header().Priority, "state", s.State)
			}
			if p, ok := bus.As[Packet](e); ok {
				fmt.Println(e.Header().Priority, "packet", p.Seq)
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// critical state 486
	// normal packet 1
	// normal packet 2
}

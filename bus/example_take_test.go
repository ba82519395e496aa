package bus_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/rvoip/shmbus/bus"
)

// Take lends events in place, to be worked on by other goroutines and finished
// in any order. What is not acked when the process dies comes again.
func ExampleSubscriber_Take() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[CallState](b, &bus.SubscribeOptions{Durable: "billing", Window: 8})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for _, state := range []uint32{100, 180, 200} {
		if err := pub.Publish(ctx, &CallState{State: state}); err != nil {
			log.Fatal(err)
		}
	}

	var workers sync.WaitGroup
	states := make([]uint32, 3)
	for i := range states {
		d, err := sub.Take(ctx)
		if err != nil {
			log.Fatal(err)
		}
		workers.Go(func() {
			defer d.Ack() // the event is valid up to here
			states[i] = d.Value().State
		})
	}
	workers.Wait()
	fmt.Println(states)
	// Output: [100 180 200]
}

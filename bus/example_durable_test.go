package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A durable subscription keeps its place while no process has it.
func ExampleSubscribe_durable() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	billing := &bus.SubscribeOptions{Durable: "billing"}
	sub, err := bus.Subscribe[CallState](b, billing)
	if err != nil {
		log.Fatal(err)
	}
	sub.Close() // or the process dies

	ctx := context.Background()
	if err := pub.Publish(ctx, &CallState{State: 200}); err != nil {
		log.Fatal(err)
	}

	if sub, err = bus.Subscribe[CallState](b, billing); err != nil {
		log.Fatal(err)
	}
	msg, err := sub.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("published while away:", msg.Value.State)

	if err := sub.Remove(); err != nil { // forgets it for good
		log.Fatal(err)
	}
	// Output: published while away: 200
}

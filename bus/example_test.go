package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// CallState is an event: a struct of fixed layout.
type CallState struct {
	Call  codec.String64
	State uint32
}

// EventType is optional: it names the type for all programs, and its priority.
func (CallState) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "call-state", Priority: bus.Critical}
}

// Any number of processes open the same region, publish and subscribe. Here one
// does both.
func Example() {
	b, err := bus.Open("calls", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bus.Remove("calls", nil) // for the example: a region outlives its processes
	defer b.Close()

	sub, err := bus.Subscribe[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	event := CallState{State: 180}
	if err := event.Call.Set("a84b4c76e66710"); err != nil {
		log.Fatal(err)
	}
	if err := pub.Publish(ctx, &event); err != nil {
		log.Fatal(err)
	}

	msg, err := sub.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(msg.Priority, msg.Value.Call.String(), msg.Value.State)
	// Output: critical a84b4c76e66710 180
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// How much a durable subscription may hold back while no process has it: here
// four events. Publishers do not wait for it longer; it loses what is overwritten
// and learns how much. HoldBlock would make them wait instead.
func ExampleSubscribe_hold() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Critical: bus.LaneGeometry{Capacity: 8}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	billing := &bus.SubscribeOptions{Durable: "billing", HoldEvents: 4, HoldPolicy: bus.HoldEvict}
	sub, err := bus.Subscribe[CallState](b, billing)
	if err != nil {
		log.Fatal(err)
	}
	sub.Close() // or the process dies

	ctx := context.Background()
	for i := range 20 {
		if err := pub.Publish(ctx, &CallState{State: uint32(i)}); err != nil {
			log.Fatal(err)
		}
	}

	if sub, err = bus.Subscribe[CallState](b, billing); err != nil {
		log.Fatal(err)
	}
	_, err = sub.TryReceive()
	if lag, ok := errors.AsType[*bus.LagError](err); ok {
		fmt.Println("missed", lag.Missed, "evicted", lag.Evicted)
	}
	msg, err := sub.TryReceive()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("goes on with", msg.Value.State)
	// Output:
	// missed 12 evicted true
	// goes on with 12
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// A publish that gives up waiting for room says who holds the lane back.
func ExampleFullError() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Critical: bus.LaneGeometry{Capacity: 8}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[CallState](b, &bus.SubscribeOptions{Durable: "billing", HoldPolicy: bus.HoldBlock})
	if err != nil {
		log.Fatal(err)
	}
	sub.Close() // or the process dies, and nobody starts it again

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	for err == nil {
		err = pub.Publish(ctx, &CallState{State: 200})
	}
	if full, ok := errors.AsType[*bus.FullError](err); ok {
		fmt.Println(full.Lane, "waits for", full.Durable, "of process", full.PID, "which is", full.Behind, "behind")
	}
	// Output: critical/0 waits for billing of process 0 which is 8 behind
}

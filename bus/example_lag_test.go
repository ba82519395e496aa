package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A lossy lane never makes a publisher wait. A subscription that is overtaken
// is told once how many events it missed, and goes on.
func ExampleLagError() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Low: bus.LaneGeometry{Capacity: 64}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	low := bus.TypeOptions{Priority: bus.Low}
	sub, err := bus.Subscribe[Packet](b, &bus.SubscribeOptions{Type: low})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, &bus.PublisherOptions{Type: low})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for i := range 100 {
		if err := pub.Publish(ctx, &Packet{Seq: uint32(i)}); err != nil {
			log.Fatal(err)
		}
	}

	received := 0
	for received < 10 {
		msg, err := sub.Receive(ctx)
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			fmt.Println("missed", lag.Missed, "next is", lag.Resumed)
		case err != nil:
			log.Fatal(err)
		case received == 0:
			fmt.Println("received", msg.Value.Seq)
			fallthrough
		default:
			received++
		}
	}
	// Output:
	// missed 44 next is 44
	// received 44
}

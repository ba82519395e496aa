package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A publisher that must be heard is told when nobody takes its events, instead
// of talking to itself.
func ExamplePublisherOptions_requireSubscriber() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, &bus.PublisherOptions{RequireSubscriber: true})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := pub.Publish(ctx, &CallState{State: 100}); errors.Is(err, bus.ErrNoSubscriber) {
		fmt.Println("nobody listens")
	}

	sub, err := bus.Subscribe[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := pub.Publish(ctx, &CallState{State: 180}); err != nil {
		log.Fatal(err)
	}
	msg, err := sub.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("heard", msg.Value.State)
	// Output:
	// nobody listens
	// heard 180
}

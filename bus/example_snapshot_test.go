package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A snapshot tells what a region holds and who takes part. Inspect gives the
// same to a program that does not take part.
func ExampleBus_Snapshot() {
	b, err := bus.OpenLocal(&bus.Options{Process: "sipd"})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := bus.Subscribe[CallState](b, &bus.SubscribeOptions{Name: "mediad"}); err != nil {
		log.Fatal(err)
	}
	if err := pub.Publish(context.Background(), &CallState{State: 100}); err != nil {
		log.Fatal(err)
	}

	s, err := b.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range s.Lanes[:1] {
		fmt.Println(l.Name, l.Policy, "published", l.Published, "depth", l.Depth)
	}
	for _, sub := range s.Subscribers {
		fmt.Println(sub.Name, "on", sub.Lane, "depth", sub.Depth)
	}
	for _, t := range s.Types {
		fmt.Println(t.Name, t.Size, "bytes")
	}
	// Output:
	// critical reliable published 1 depth 1
	// mediad on critical depth 1
	// call-state 68 bytes
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A loop over values in place: it waits for events, is told of gaps, and ends
// with its context or its subscription.
func ExampleSubscriber_Values() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if _, err := pub.PublishBatch(ctx, []Packet{{Seq: 1}, {Seq: 2}, {Seq: 3}}); err != nil {
		log.Fatal(err)
	}

	for p, err := range sub.Values(ctx) {
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			log.Print(lag) // the loop goes on
		case errors.Is(err, context.Canceled):
			fmt.Println("stopped")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("packet", p.Seq)
			if p.Seq == 3 {
				stop()
			}
		}
	}
	// Output:
	// packet 1
	// packet 2
	// packet 3
	// stopped
}

// Where the header or the tail matters, the loop is over events.
func ExampleSubscription_Events() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := pub.PublishWith(ctx, &Packet{Seq: 1}, bus.With{Tail: []byte("payload")}); err != nil {
		log.Fatal(err)
	}

	for e, err := range sub.Raw().Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if p, ok := bus.As[Packet](e); ok {
			fmt.Println(p.Seq, string(e.Tail()))
		}
		break
	}
	// Output: 1 payload
}

package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A batch is published in order and wakes its subscribers once; it is read in
// place as far as it is there, with one move of the cursor.
func ExamplePublisher_PublishBatch() {
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
	if _, err := pub.PublishBatch(ctx, []Packet{{Seq: 1}, {Seq: 2}, {Seq: 3}}); err != nil {
		log.Fatal(err)
	}

	n, err := sub.ViewBatch(ctx, 64, func(p *Packet, e *bus.Event) error {
		fmt.Println("packet", p.Seq, "at", e.Header().Position)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "events")
	// Output:
	// packet 1 at 0
	// packet 2 at 1
	// packet 3 at 2
	// 3 events
}

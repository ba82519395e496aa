package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// Sample is what the hottest path of a program carries.
type Sample struct {
	Stream uint32
	Seq    uint32
	Level  [16]int16
}

// A ring of its own for one type, where every nanosecond counts: no header, no
// type to test. Everything else is as on a lane.
func ExampleOpenStatic() {
	b, err := bus.OpenLocal(nil) // or bus.Open: the ring is beside the region then
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	ring, err := bus.OpenStatic[Sample](b, "samples", &bus.StaticOptions{Capacity: 1024})
	if err != nil {
		log.Fatal(err)
	}
	sub, err := ring.Subscribe(nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := ring.Publisher()
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	if err := pub.Publish(ctx, &Sample{Seq: 1}); err != nil {
		log.Fatal(err)
	}
	if _, err := pub.PublishBatch(ctx, []Sample{{Seq: 2}, {Seq: 3}}); err != nil {
		log.Fatal(err)
	}
	loan, err := pub.Loan() // a slot of the ring, to be filled in place
	if err != nil {
		log.Fatal(err)
	}
	loan.Value().Seq = 4
	if err := loan.Publish(ctx); err != nil {
		log.Fatal(err)
	}

	first, err := sub.Receive(ctx) // a copy
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("received", first.Seq)
	n, err := sub.ViewBatch(ctx, 64, func(s *Sample) error { // in place
		fmt.Println("viewed", s.Seq)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "in one call")
	// Output:
	// received 1
	// viewed 2
	// viewed 3
	// viewed 4
	// 3 in one call
}

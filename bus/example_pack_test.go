package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// Level is how loud a stream is.
type Level struct {
	Stream  uint32
	Decibel int32
}

// Levels of many streams that are measured together travel as one event.
func ExamplePackPublisher() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.SubscribePacks[Level](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPackPublisher[Level](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	if err := pub.Publish(ctx, []Level{{1, -30}, {2, -18}, {3, -60}}); err != nil {
		log.Fatal(err)
	}
	err = sub.View(ctx, func(levels []Level, _ *bus.Event) error {
		for _, l := range levels {
			fmt.Println(l.Stream, l.Decibel)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 -30
	// 2 -18
	// 3 -60
}

// A pack is written where it lies.
func ExamplePackPublisher_Loan() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.SubscribePacks[Level](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPackPublisher[Level](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	loan, err := pub.Loan()
	if err != nil {
		log.Fatal(err)
	}
	defer loan.Discard()
	n := 0
	for levels := loan.Values(); n < 2; n++ {
		levels[n] = Level{Stream: uint32(n), Decibel: -20}
	}
	if err := loan.Publish(context.Background(), n); err != nil {
		log.Fatal(err)
	}
	levels, err := sub.Receive(context.Background(), nil)
	fmt.Println(levels, err)
	// Output: [{0 -20} {1 -20}] <nil>
}

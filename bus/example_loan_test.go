package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A loan is a slot to fill in place, so that a payload is written once, where
// its readers will read it.
func ExamplePublisher_Loan() {
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
	loan, err := pub.Loan()
	if err != nil {
		log.Fatal(err)
	}
	defer loan.Discard() // does nothing once it is published
	loan.Value().Stream = 7
	loan.SetTail(copy(loan.Tail(), "read from the wire"))
	if err := loan.Publish(ctx); err != nil {
		log.Fatal(err)
	}

	err = sub.View(ctx, func(p *Packet, e *bus.Event) error {
		fmt.Println(p.Stream, string(e.Tail())) // in place: valid only in here
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 7 read from the wire
}

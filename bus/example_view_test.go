package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// An event is read where it lies: no copy, nothing allocated. The view is valid
// during the callback alone. What differs between a bus within one process and a
// shared one is how it is opened: bus.Open("calls", nil) here, and all else is
// the same.
func ExampleSubscriber_View() {
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
	if err := pub.PublishWith(ctx, &Packet{Seq: 7}, bus.With{Tail: []byte("payload")}); err != nil {
		log.Fatal(err)
	}
	err = sub.View(ctx, func(p *Packet, e *bus.Event) error {
		fmt.Println(p.Seq, string(e.Tail()))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 7 payload
}

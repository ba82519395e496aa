package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// What is there at once is received together, by copy, into memory that is used
// again. Try calls do not wait.
func ExampleSubscriber_ReceiveBatch() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := pub.Publish(ctx, &Packet{Seq: 1}); err != nil {
		log.Fatal(err)
	}
	// It begins with what the lane still holds.
	sub, err := bus.Subscribe[Packet](b, &bus.SubscribeOptions{Start: bus.StartOldest})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pub.PublishBatch(ctx, []Packet{{Seq: 2}, {Seq: 3}}); err != nil {
		log.Fatal(err)
	}

	var dst [8]bus.Message[Packet]
	n, err := sub.ReceiveBatch(ctx, dst[:])
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range dst[:n] {
		fmt.Println(m.Value.Seq, m.Position)
	}
	_, err = sub.TryReceive()
	fmt.Println("empty:", errors.Is(err, bus.ErrEmpty))
	// Output:
	// 1 0
	// 2 1
	// 3 2
	// empty: true
}

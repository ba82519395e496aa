package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Packet is a value of its own; its payload travels as the event's tail.
type Packet struct {
	Stream uint32
	Seq    uint32
}

// An event may carry variable bytes behind its value, and a key: events of one
// key keep their order also where a priority has several lanes.
func ExamplePublisher_PublishWith() {
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
	key := codec.Hash("a84b4c76e66710")
	err = pub.PublishWith(ctx, &Packet{Stream: 7, Seq: 1}, bus.With{Key: key, Tail: []byte("payload")})
	if err != nil {
		log.Fatal(err)
	}

	msg, err := sub.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(msg.Value.Stream, string(msg.Tail), msg.Key == key)
	// Output: 7 payload true
}

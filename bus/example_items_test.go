package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Events of a batch with a key and a tail each.
func ExamplePublisher_PublishItems() {
	type Message struct{ Status uint32 }

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.Subscribe[Message](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Message](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	call := codec.Hash("a84b4c76e66710@example.com")
	n, err := pub.PublishItems(ctx, []bus.Item[Message]{
		{Value: Message{100}, With: bus.With{Key: call, Tail: []byte("SIP/2.0 100 Trying")}},
		{Value: Message{180}, With: bus.With{Key: call, Tail: []byte("SIP/2.0 180 Ringing")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = sub.ViewBatch(ctx, n, func(m *Message, e *bus.Event) error {
		fmt.Println(m.Status, e.Header().Key == call, string(e.Tail()))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 100 true SIP/2.0 100 Trying
	// 180 true SIP/2.0 180 Ringing
}

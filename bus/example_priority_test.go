package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// Notice is an event of Normal priority, single ones of which may be Critical.
type Notice struct{ Number uint32 }

// EventType declares both priorities.
func (Notice) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "notice", Priority: bus.Normal, Also: []bus.Priority{bus.Critical}}
}

// One event overtakes those published before it. Order holds within a lane, and
// each priority has lanes of its own.
func ExampleWith_priority() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[Notice](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[Notice](b, nil) // all the lanes of its type
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for n := range uint32(3) {
		if err := pub.Publish(ctx, &Notice{Number: n}); err != nil {
			log.Fatal(err)
		}
	}
	if err := pub.PublishWith(ctx, &Notice{Number: 9}, bus.With{Priority: bus.Critical}); err != nil {
		log.Fatal(err)
	}
	for range 4 {
		msg, err := sub.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(msg.Priority, msg.Value.Number)
	}
	// Output:
	// critical 9
	// normal 0
	// normal 1
	// normal 2
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/rvoip/shmbus/bus"
)

// A process that receives until it is told to stop: its context ends the loop,
// also while there is always something to receive; a gap does not.
func Example_shutdown() {
	type Packet struct{ Seq uint32 }

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close() // closes the subscription, too
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pub.PublishBatch(context.Background(), make([]Packet, 10)); err != nil {
		log.Fatal(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for received := 0; ; {
		err := sub.View(ctx, func(p *Packet, e *bus.Event) error {
			if received++; received == 3 {
				stop() // as Ctrl-C does
			}
			return nil
		})
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			log.Print(lag)
		case ctx.Err() != nil:
			fmt.Println("stopped after", received)
			return
		case err != nil:
			log.Fatal(err)
		}
	}
	// Output: stopped after 3
}

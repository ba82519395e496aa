package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// An orderly end: nothing new is accepted, what was accepted is worked off, and
// then the bus is closed, though not later than in five seconds.
func ExampleBus_Drain() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pub.PublishBatch(context.Background(), make([]Packet, 100)); err != nil {
		log.Fatal(err)
	}

	worker := make(chan int)
	go func() {
		handled := 0
		for _, err := range sub.Values(context.Background()) {
			if errors.Is(err, bus.ErrDraining) {
				break // it has had all
			}
			if err != nil {
				log.Fatal(err)
			}
			handled++
		}
		worker <- handled
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.Drain(ctx); err != nil {
		log.Print(err) // says who is not done
	}
	fmt.Println(errors.Is(pub.TryPublish(&Packet{}), bus.ErrDraining), b.State())
	if err := b.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("handled", <-worker, b.State())
	// Output:
	// true draining
	// handled 100 closed
}

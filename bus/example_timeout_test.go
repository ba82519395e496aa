package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// A bound for every receive call of a bus, so that a loop gets to other work
// also while nothing comes. It costs an event nothing: the clock is read by
// who is about to wait.
func ExampleOptions_timeout() {
	b, err := bus.OpenLocal(&bus.Options{Timeout: 10 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	_, err = sub.Receive(context.Background())
	if errors.Is(err, bus.ErrTimeout) {
		fmt.Println("nothing came")
	}
	// Output: nothing came
}

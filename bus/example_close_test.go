package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// What ends a wait is an error that says so: the context, a time limit, or Close.
func ExampleSubscriber_ReceiveTimeout() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	_, err = sub.ReceiveTimeout(time.Millisecond)
	fmt.Println("timeout:", errors.Is(err, bus.ErrTimeout))

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = sub.Receive(ctx)
	fmt.Println("canceled:", errors.Is(err, context.Canceled))

	_ = b.Close()
	_, err = sub.Receive(context.Background())
	fmt.Println("closed:", errors.Is(err, bus.ErrClosed))
	// Output:
	// timeout: true
	// canceled: true
	// closed: true
}

package events_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// A part of the switch ends: it says so, takes nothing more, finishes what it has, and goes.
func Example_drain() {
	b := openSwitch()
	sub, err := bus.Subscribe[events.RTPPacket](b, nil)
	check(err)
	pub, err := bus.NewPublisher[events.RTPPacket](b, nil)
	check(err)
	_, err = pub.PublishBatch(context.Background(), make([]events.RTPPacket, 100))
	check(err)
	last, err := bus.NewPublisher[events.Lifecycle](b, nil)
	check(err)
	e := events.Lifecycle{State: events.LifecycleRequested}
	e.Component.SetTruncate("media-core")
	check(last.Publish(context.Background(), &e))

	received := make(chan int)
	go func() {
		n := 0
		for _, err := range sub.Values(context.Background()) {
			if errors.Is(err, bus.ErrDraining) {
				break // that was all
			}
			check(err)
			n++
		}
		received <- n
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	check(b.Drain(ctx))
	fmt.Println(<-received, "packets,", b.State())
	check(b.Close())
	// Output: 100 packets, draining
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// A program that keeps the position of the last event that it has dealt with,
// beside its results, goes on behind it. What has gone meanwhile is counted.
func ExampleSubscribeOptions_position() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Normal: bus.LaneGeometry{Capacity: 8}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for i := range 20 {
		if err := pub.Publish(ctx, &Packet{Seq: uint32(i)}); err != nil {
			log.Fatal(err)
		}
	}

	for _, kept := range []uint64{15, 3} {
		sub, err := bus.Subscribe[Packet](b, &bus.SubscribeOptions{Start: bus.StartPosition, Position: kept + 1})
		if err != nil {
			log.Fatal(err)
		}
		msg, err := sub.Receive(ctx)
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			fmt.Println("missed", lag.Missed)
			msg, err = sub.Receive(ctx)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("goes on with", msg.Position)
		sub.Close()
	}
	// Output:
	// goes on with 16
	// missed 8
	// goes on with 12
}

// For state of which only the latest matters, a gap ends at the present.
func ExampleSubscribeOptions_onLag() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Low: bus.LaneGeometry{Capacity: 64}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	low := bus.TypeOptions{Priority: bus.Low}
	sub, err := bus.Subscribe[Packet](b, &bus.SubscribeOptions{Type: low, OnLag: bus.ResumeNewest})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, &bus.PublisherOptions{Type: low})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for i := range 100 {
		if err := pub.Publish(ctx, &Packet{Seq: uint32(i)}); err != nil {
			log.Fatal(err)
		}
	}
	_, err = sub.TryReceive()
	fmt.Println(err)
	// Output: bus: subscription missed 100 events on lane low/0: it was overtaken; receive again to go on at position 100
}

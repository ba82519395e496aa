package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// The shape of a region is chosen by whoever creates it; what is left out has its
// default. Events of a key stay on one shard.
func ExampleGeometry() {
	var geo bus.Geometry
	geo.Normal = bus.LaneGeometry{Shards: 4, Capacity: 1024, SlotSize: 128, Batch: 32}
	geo.Low.Policy = bus.Reliable
	b, err := bus.OpenLocal(&bus.Options{Geometry: geo})
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
	stream := codec.Hash("stream 7")
	for seq := range uint32(3) {
		if err := pub.PublishWith(ctx, &Packet{Seq: seq}, bus.With{Key: stream}); err != nil {
			log.Fatal(err)
		}
	}
	for range 3 {
		m, err := sub.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Value.Seq, m.Shard == int(stream%4))
	}
	is := b.Geometry()
	fmt.Println(is.Normal.Shards, is.Normal.Capacity, is.Low.Policy, is.Low.Capacity)
	// Output:
	// 0 true
	// 1 true
	// 2 true
	// 4 1024 reliable 16384
}

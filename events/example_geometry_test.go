package events_test

import (
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// A SIP message of 60 KB needs a lane with slots for it.
func ExampleLargeGeometry() {
	publish := func(g bus.Geometry) error {
		b, err := bus.OpenLocal(&bus.Options{Geometry: g})
		check(err)
		defer b.Close()
		pub, err := bus.NewPublisher[events.SIPMessage](b, nil)
		check(err)
		return pub.TryPublishWith(&events.SIPMessage{}, bus.With{Tail: make([]byte, 60_000)})
	}

	g := events.Geometry()
	if size, ok := errors.AsType[*bus.SizeError](publish(g)); ok {
		fmt.Println(size)
	}
	g.High = events.LargeGeometry().High
	fmt.Println(publish(g))
	// Output:
	// bus: event of 60160 bytes (header, value and tail) does not fit lane high/0 with slots of 3072; shorten its tail, or create the region with Geometry.High.SlotSize 60160 or more
	// <nil>
}

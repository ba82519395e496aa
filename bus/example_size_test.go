package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// An event that does not fit its lane is refused with both sizes. MaxTail says
// beforehand how long a tail may be.
func ExampleSizeError() {
	b, err := bus.OpenLocal(&bus.Options{Geometry: bus.Geometry{Normal: bus.LaneGeometry{SlotSize: 256}}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	err = pub.PublishWith(context.Background(), &Packet{}, bus.With{Tail: make([]byte, pub.MaxTail()+1)})
	if large, ok := errors.AsType[*bus.SizeError](err); ok {
		fmt.Println(large.Lane, "needs", large.Need, "bytes, has", large.Slot)
	}
	// Output: normal/0 needs 257 bytes, has 256
}

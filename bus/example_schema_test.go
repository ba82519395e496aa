package bus_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
)

// Two programs declare the type of one name differently: whoever comes second is
// told in which fields.
func ExampleSchemaError() {
	type Register struct{ Expires, CSeq uint32 }
	type RegisterV2 struct {
		Expires uint64
		CSeq    uint32
		Flags   uint32
	}

	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	name := bus.TypeOptions{Name: "register"}
	if _, err := bus.NewPublisher[Register](b, &bus.PublisherOptions{Type: name}); err != nil {
		log.Fatal(err)
	}

	_, err = bus.Subscribe[RegisterV2](b, &bus.SubscribeOptions{Type: name})
	if differs, ok := errors.AsType[*bus.SchemaError](err); ok {
		for _, d := range differs.Differences {
			fmt.Println(d)
		}
	}
	// Output:
	// size: 16 here, 8 there
	// alignment: 8 here, 4 there
	// field Expires: uint64 at 0 here, uint32 at 0 there
	// field CSeq: uint32 at 8 here, uint32 at 4 there
	// field Flags: uint32 at 12 only here
}

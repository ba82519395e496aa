package bus_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/rvoip/shmbus/bus"
)

// A region that somebody has written into where he must not is replaced. Each of
// its processes does so; here there are two buses.
func ExampleBus_Check() {
	dir, err := os.MkdirTemp("", "bus-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	options := &bus.Options{Dir: dir, Geometry: small()}
	var buses [2]*bus.Bus
	for i := range buses {
		if buses[i], err = bus.Open("calls", options); err != nil {
			log.Fatal(err)
		}
	}

	// Somebody does harm.
	if err := os.Truncate(filepath.Join(dir, "calls"), 0); err != nil {
		log.Fatal(err)
	}

	for i, b := range buses {
		err := b.Check()
		fmt.Println(errors.Is(err, bus.ErrCorrupt), errors.Is(err, bus.ErrRemoved))
		_ = b.RemoveForce() // this very region, whatever stands under its name by now
		_ = b.Close()
		if buses[i], err = bus.Open("calls", options); err != nil {
			log.Fatal(err)
		}
	}
	s, err := buses[0].Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(buses[0].Check(), len(s.Participants))
	for _, b := range buses {
		_ = b.Close()
	}
	// Output:
	// true false
	// false true
	// <nil> 2
}

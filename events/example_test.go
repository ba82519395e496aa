package events_test

import (
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// check keeps the examples short. A program handles its errors.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// openSwitch is the bus of the examples, in one process. The parts of a switch
// open the region instead: see ExampleDeclare.
func openSwitch() *bus.Bus {
	b, err := bus.OpenLocal(&bus.Options{Geometry: events.Geometry()})
	check(err)
	return b
}

// Each process of a switch begins so, whoever comes first.
func ExampleDeclare() {
	b, err := bus.Open("switch", &bus.Options{Process: "session-core", Geometry: events.Geometry()})
	check(err)
	defer bus.Remove("switch", nil) // for the example: a region outlives its processes
	defer b.Close()
	check(events.Declare(b)) // was another process built from another version?

	for _, e := range events.Catalogue()[:3] {
		fmt.Printf("%-16s %-24s %v, %d bytes\n", e.Go, e.Name, e.Priority, e.Size)
	}
	// Output:
	// IncomingCall     rvoip.incoming-call      critical, 712 bytes
	// CallStateChanged rvoip.call-state-changed critical, 264 bytes
	// CallCommand      rvoip.call-command       critical, 632 bytes
}

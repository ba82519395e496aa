package events_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// A reader of a lossy lane that falls behind is told how much it has missed, and goes on.
func Example_logs() {
	b := openSwitch()
	defer b.Close()
	sub, err := bus.Subscribe[events.LogLine](b, nil)
	check(err)
	pub, err := bus.NewPublisher[events.LogLine](b, nil)
	check(err)
	for i := range 10_000 { // the lane holds 8192
		line := events.LogLine{Line: uint32(i), Severity: events.SeverityInfo}
		line.Component.SetTruncate("media-core")
		check(pub.TryPublishWith(&line, bus.With{Tail: []byte("stream opened")}))
	}

	for {
		m, err := sub.Receive(context.Background())
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			fmt.Println("missed", lag.Missed)
			continue
		}
		check(err)
		fmt.Println("then", m.Value.Line, m.Value.Severity, m.Value.Component.String()+":", string(m.Tail))
		return
	}
	// Output:
	// missed 2832
	// then 2832 info media-core: stream opened
}

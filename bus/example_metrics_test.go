package bus_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"log"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// The counters of the whole region, for a monitoring system: as a variable of
// package expvar, which serves it at /debug/vars, and every ten seconds to a
// function of one's own.
func ExampleBus_Metrics() {
	b, err := bus.OpenLocal(&bus.Options{
		MetricsEvery: 10 * time.Second,
		OnMetrics:    func(s bus.Snapshot) { log.Print(s.Metrics().Total) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	expvar.Publish("calls", b.Var())

	pub, err := bus.NewPublisher[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := bus.Subscribe[CallState](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, state := range []uint32{100, 180, 200} {
		if err := pub.Publish(ctx, &CallState{State: state}); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := sub.Receive(ctx); err != nil {
		log.Fatal(err)
	}

	m := b.Metrics()
	fmt.Println("published", m.Types["call-state"].Published, "unread", m.Lanes["critical/0"].Depth)

	var shown struct{ Total bus.Counts }
	if err := json.Unmarshal([]byte(expvar.Get("calls").String()), &shown); err != nil {
		log.Fatal(err)
	}
	fmt.Println("delivered", shown.Total.Delivered, "lost", shown.Total.Lost)
	// Output:
	// published 3 unread 3
	// delivered 1 lost 0
}

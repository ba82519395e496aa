package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Leg is one side of a call.
type Leg struct {
	From  codec.String64
	State uint16
}

// A subscription takes only what its filter says. Everybody else gets all.
func ExampleFilter() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	failed := bus.Field("State").Between(400, 699)
	fromAlice := bus.Field("From").HasPrefix("sip:alice@")
	sub, err := bus.Subscribe[Leg](b, &bus.SubscribeOptions{Filter: failed.And(bus.Not(fromAlice))})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Leg](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for _, l := range []struct {
		from  string
		state uint16
	}{{"sip:alice@a.example", 486}, {"sip:bob@b.example", 200}, {"sip:carol@c.example", 503}} {
		leg := Leg{State: l.state}
		if err := leg.From.Set(l.from); err != nil {
			log.Fatal(err)
		}
		_ = pub.Publish(ctx, &leg)
	}
	m, err := sub.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(&m.Value.From, m.Value.State, "filtered:", sub.Stats().Filtered)
	// Output:
	// sip:carol@c.example 503 filtered: 2
}

// Conditions on keys, sources and types look at the header alone; functions see
// the value in place.
func ExampleMatchValue() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	mine := bus.Keys(codec.Hash("call-7"), codec.Hash("call-8"))
	odd := bus.MatchValue(func(l *Leg) bool { return l.State%2 == 1 })
	sub, err := bus.Subscribe[Leg](b, &bus.SubscribeOptions{Filter: mine.And(odd)})
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Leg](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for i := range 20 {
		_ = pub.PublishWith(ctx, &Leg{State: uint16(i)}, bus.With{Key: codec.Hash(fmt.Sprintf("call-%d", i%10))})
	}
	for range 2 {
		m, err := sub.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Value.State)
	}
	// Output:
	// 7
	// 17
}

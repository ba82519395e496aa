package events_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// The transaction layer takes messages as they come, ACK and BYE before INVITEs, and tells
// its user in batches. Its subscription is durable: messages wait while it restarts.
func Example_transactionCore() {
	b := openSwitch()
	defer b.Close()
	messages, err := bus.Subscribe[events.SIPMessage](b, &bus.SubscribeOptions{
		Durable: "transaction-core",
		HoldFor: 5 * time.Second, // so long publishers wait for it to come back, where a lane is full
		Filter:  bus.Field("Direction").Is(events.Inbound),
		Starve:  64, // after so many urgent ones in a row, one that is not; the default
	})
	check(err)
	told, err := bus.NewPublisher[events.TransactionEvent](b, nil)
	check(err)
	user, err := bus.Subscribe[events.TransactionEvent](b, nil) // the dialog layer
	check(err)

	wire, err := bus.NewPublisher[events.SIPMessage](b, nil)
	check(err)
	ctx := context.Background()
	for i, method := range []events.Method{events.MethodInvite, events.MethodInvite, events.MethodBye} {
		m := events.SIPMessage{
			Call: uint64(i + 1), Direction: events.Inbound,
			ID: events.TransactionID{Method: method, Side: events.SideServer},
		}
		check(wire.PublishWith(ctx, &m, bus.With{Key: m.Call, Priority: m.Urgency(), Tail: []byte(method.String())}))
	}

	batch := make([]bus.Message[events.SIPMessage], 64)
	n, err := messages.ReceiveBatch(ctx, batch)
	check(err)
	items := make([]bus.Item[events.TransactionEvent], n)
	for i, m := range batch[:n] {
		items[i].Value = events.TransactionEvent{
			Call: m.Value.Call, ID: m.Value.ID, Remote: m.Value.Remote,
			Kind: events.TransactionRequest, State: events.TransactionTrying,
		}
		items[i].With = bus.With{Key: m.Value.Call, Tail: m.Tail}
	}
	_, err = told.PublishItems(ctx, items)
	check(err)

	for range n {
		e, err := user.Receive(ctx)
		check(err)
		fmt.Println(e.Value.Kind, e.Value.ID.Method, "of call", e.Value.Call)
	}
	// Unordered output:
	// request BYE of call 3
	// request INVITE of call 1
	// request INVITE of call 2
}

package events_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// A SIP transport publishes what comes from the wire, urgent requests first, and its
// own errors.
func Example_sipTransport() {
	b := openSwitch()
	defer b.Close()
	messages, err := bus.NewPublisher[events.SIPMessage](b, nil)
	check(err)
	trouble, err := bus.NewPublisher[events.TransportEvent](b, nil)
	check(err)
	sub, err := bus.Subscribe[events.SIPMessage](b, nil) // both lanes of the type
	check(err)

	ctx := context.Background()
	receive := func(method events.Method, raw string) {
		m := events.SIPMessage{
			Call: events.CallKey("a84b4c76e66710"), Length: uint32(len(raw)),
			Direction: events.Inbound, Transport: events.TransportUDP,
			Remote: events.AddrFrom(netip.MustParseAddrPort("192.0.2.1:5060")),
		}
		m.ID.Method, m.ID.Side = method, events.SideServer
		err := messages.PublishWith(ctx, &m, bus.With{Key: m.Call, Priority: m.Urgency(), Tail: []byte(raw)})
		if _, ok := errors.AsType[*bus.SizeError](err); ok { // too long for this switch: drop it, say so, go on
			e := events.TransportEvent{Call: m.Call, Kind: events.TransportError, Remote: m.Remote, ID: m.ID}
			e.Reason.SetTruncate("message too long")
			err = trouble.PublishWith(ctx, &e, bus.With{Key: m.Call})
		}
		check(err)
	}
	receive(events.MethodInvite, "INVITE sip:bob@example.com SIP/2.0\r\n\r\n")
	receive(events.MethodBye, "BYE sip:bob@example.com SIP/2.0\r\n\r\n")
	receive(events.MethodMessage, "MESSAGE sip:bob@example.com SIP/2.0\r\n\r\n"+string(make([]byte, 10_000)))

	for range 2 {
		m, err := sub.Receive(ctx)
		check(err)
		fmt.Println(m.Priority, m.Value.ID.Method, m.Value.Remote, len(m.Tail), "bytes")
	}
	// Output:
	// critical BYE 192.0.2.1:5060 35 bytes
	// high INVITE 192.0.2.1:5060 38 bytes
}

// What is to be sent is a message like those that came. A filter takes the one kind and
// leaves the other to others.
func Example_sipTransportOutbound() {
	b := openSwitch()
	defer b.Close()
	outbound, err := bus.Subscribe[events.SIPMessage](b, &bus.SubscribeOptions{
		Durable: "sip-transport",
		Filter:  bus.Field("Direction").Is(events.Outbound).And(bus.Field("Transport").In(events.TransportUDP, events.TransportTCP)),
	})
	check(err)
	pub, err := bus.NewPublisher[events.SIPMessage](b, nil)
	check(err)

	ctx := context.Background()
	for _, d := range []events.Direction{events.Inbound, events.Outbound} {
		m := events.SIPMessage{
			Call: events.CallKey("a84b4c76e66710"), Direction: d, Transport: events.TransportUDP, Status: 180,
			Remote: events.AddrFrom(netip.MustParseAddrPort("192.0.2.1:5060")),
		}
		check(pub.PublishWith(ctx, &m, bus.With{Key: m.Call, Tail: []byte("SIP/2.0 180 Ringing\r\n\r\n")}))
	}
	err = outbound.View(ctx, func(m *events.SIPMessage, e *bus.Event) error {
		fmt.Printf("to %v: %.19s\n", m.Remote, e.Tail()) // conn.WriteToUDPAddrPort(e.Tail(), m.Remote.AddrPort())
		return nil
	})
	check(err)
	fmt.Println("left to others:", outbound.Stats().Filtered)
	// Output:
	// to 192.0.2.1:5060: SIP/2.0 180 Ringing
	// left to others: 1
}

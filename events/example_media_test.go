package events_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// The media layer answers who asks for a call's media, and the session layer waits for the
// answer, or learns at once that there is no media layer.
func Example_mediaCore() {
	b := openSwitch()
	defer b.Close()
	_, err := bus.Serve(b, nil, func(_ context.Context, m *events.MediaStart, e *bus.Event) (events.MediaEvent, error) {
		_, remote, ok := m.Tail.Of(e.Tail())
		if !ok {
			return events.MediaEvent{}, fmt.Errorf("descriptions lie outside of the event")
		}
		fmt.Printf("asked for %s with %d bytes of SDP\n", m.Format.Name.String(), len(remote))
		return events.MediaEvent{
			Ref: m.Ref, Kind: events.MediaStarted, Format: m.Format,
			Local: events.AddrFrom(netip.MustParseAddrPort("192.0.2.9:40000")),
		}, nil
	})
	check(err)

	media, err := bus.NewClient[events.MediaStart, events.MediaEvent](b, nil) // in the session layer
	check(err)
	ref, err := events.NewRef("a84b4c76e66710", "session-6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	check(err)
	start := events.MediaStart{Ref: ref, Flow: events.FlowSendRecv}
	start.Format.ClockRate = 8000
	start.Format.Name.SetTruncate("PCMU")
	sdp := start.Tail.Join(nil, nil, []byte("v=0\r\n"))
	reply, err := media.CallWith(context.Background(), &start, bus.With{Key: ref.Call, Tail: sdp})
	check(err)
	fmt.Println(reply.Value.Kind, "at", reply.Value.Local)
	// Output:
	// asked for PCMU with 5 bytes of SDP
	// started at 192.0.2.9:40000
}

// Quality that is good may be lost, quality that is bad may not: it goes to a reliable lane.
func Example_mediaQuality() {
	b := openSwitch()
	defer b.Close()
	pub, err := bus.NewPublisher[events.MediaQuality](b, nil)
	check(err)
	alerts, err := bus.Subscribe[events.MediaQuality](b, &bus.SubscribeOptions{Priorities: []bus.Priority{bus.High}})
	check(err)

	for _, loss := range []float32{0.001, 0.08} {
		var q events.MediaQuality
		q.Call, q.LossRate, q.Severity = events.CallKey("a84b4c76e66710"), loss, events.SeverityInfo
		if loss > 0.05 {
			q.Severity = events.SeverityWarning
		}
		check(pub.TryPublishWith(&q, bus.With{Key: q.Call, Priority: q.Urgency()}))
	}
	m, err := alerts.Receive(context.Background())
	check(err)
	fmt.Printf("%v: %.0f %% lost\n", m.Value.Severity, 100*m.Value.LossRate)
	// Output: warning: 8 % lost
}

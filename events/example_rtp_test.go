package events_test

import (
	"context"
	"fmt"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
)

// A packet is read from its socket straight into a slot of the bus. What waits behind it goes
// as a batch. The end of the stream takes the same lane.
func Example_rtpCore() {
	b := openSwitch()
	defer b.Close()
	packets, err := bus.NewPublisher[events.RTPPacket](b, nil)
	check(err)
	streams, err := bus.NewPublisher[events.RTPStream](b, nil)
	check(err)
	types, err := events.Types(b, events.RTPPacket{}, events.RTPStream{})
	check(err)
	sub, err := b.Subscribe(&bus.SubscribeOptions{Types: types})
	check(err)

	ctx := context.Background()
	call := events.CallKey("a84b4c76e66710")
	loan, err := packets.LoanFor(call) // in the lane of this call
	check(err)
	n := copy(loan.Tail(), make([]byte, 172)) // recvfrom(fd, loan.Tail())
	*loan.Value() = events.RTPPacket{Call: call, Arrival: bus.Now(), Seq: 1, Offset: 12, Length: uint16(n - 12)}
	loan.SetTail(n)
	check(loan.Publish(ctx))

	batch := make([]bus.Item[events.RTPPacket], 3)
	for i := range batch {
		batch[i].Value = events.RTPPacket{Call: call, Seq: uint16(2 + i), Offset: 12, Length: 160}
		batch[i].With = bus.With{Key: call, Tail: make([]byte, 172)}
	}
	_, err = packets.PublishItems(ctx, batch)
	check(err)
	check(streams.PublishWith(ctx, &events.RTPStream{Call: call, Kind: events.StreamEnded, Published: 4}, bus.With{Key: call}))

	_, err = sub.ViewBatch(ctx, 64, func(e *bus.Event) error { // in place
		if p, ok := bus.As[events.RTPPacket](e); ok {
			payload, _ := p.Payload(e.Tail())
			fmt.Println("packet", p.Seq, len(payload))
		} else if s, ok := bus.As[events.RTPStream](e); ok {
			fmt.Println("stream", s.Kind, "after", s.Published)
		}
		return nil
	})
	check(err)
	// Output:
	// packet 1 160
	// packet 2 160
	// packet 3 160
	// packet 4 160
	// stream ended after 4
}

// Between one RTP process and one media process a ring of its own saves what other lanes
// need: header, type, key. The packet lies in the value.
func Example_rtpCoreStatic() {
	type Packet struct {
		Call uint64
		Size uint16
		Data [182]byte // G.711, 20 ms: 172
	}
	b := openSwitch()
	defer b.Close()
	ring, err := bus.OpenStatic[Packet](b, "rtp", &bus.StaticOptions{Capacity: 16384, Policy: bus.Lossy})
	check(err)
	sub, err := ring.Subscribe(nil)
	check(err)
	pub, err := ring.Publisher()
	check(err)

	loan, err := pub.Loan()
	check(err)
	p := loan.Value()
	p.Call, p.Size = events.CallKey("a84b4c76e66710"), uint16(copy(p.Data[:], make([]byte, 172)))
	check(loan.Publish(context.Background()))

	_, err = sub.ViewBatch(context.Background(), 64, func(p *Packet) error {
		size := min(int(p.Size), len(p.Data)) // it comes from shared memory
		fmt.Println("packet of", size, "bytes")
		return nil
	})
	check(err)
	// Output: packet of 172 bytes
}

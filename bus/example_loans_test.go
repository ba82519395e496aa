package bus_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/rvoip/shmbus/bus"
)

// Packets that come many at a time are read straight into slots. What was not
// needed is used next time.
func ExamplePublisher_LoanBatch() {
	b, err := bus.OpenLocal(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	sub, err := bus.Subscribe[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}
	pub, err := bus.NewPublisher[Packet](b, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	loans := make([]bus.Loan[Packet], 8)
	lent, err := pub.LoanBatch(loans)
	if err != nil {
		log.Fatal(err)
	}
	defer pub.DiscardLoans(loans)

	wire := strings.NewReader("onetwo")
	read := 0
	for ; read < lent; read++ {
		l := &loans[read]
		n, err := wire.Read(l.Tail()[:3])
		if err != nil {
			break // nothing more for now
		}
		l.Value().Seq = uint32(read)
		l.SetTail(n)
	}
	if _, err := pub.PublishLoans(ctx, loans[:read]); err != nil {
		log.Fatal(err)
	}

	_, err = sub.ViewBatch(ctx, 64, func(p *Packet, e *bus.Event) error {
		fmt.Println(p.Seq, string(e.Tail()))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 one
	// 1 two
}

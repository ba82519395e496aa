package peer

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// watermillChannel is watermill's Pub/Sub within a process. Without waiting for
// the subscribers' acknowledgements it starts goroutines without bound and keeps
// no order, so it waits.
var watermillChannel = &Go{
	Peer: proto.Peer{
		Name: "watermill", Language: "Go", Version: moduleVersion("github.com/ThreeDotsLabs/watermill"), InProcess: true,
		Workloads: streams, Batch: "packed into one message",
	},
	open: func(c proto.Config, _ []*os.File) (Ends, error) {
		g := gochannel.NewGoChannel(gochannel.Config{
			OutputChannelBuffer: int64(c.Capacity), BlockPublishUntilSubscriberAck: true,
		}, watermill.NopLogger{})
		return &watermillEnds{g, c.Size, c.Workload == proto.Pingpong}, nil
	},
}

type watermillEnds struct {
	channel *gochannel.GoChannel
	size    int
	early   bool
}

func topic(link int) string { return "events-" + strconv.Itoa(link) }

func (e *watermillEnds) Publisher(link int) (Publisher, error) {
	return &watermillPublisher{e.channel, topic(link)}, nil
}

func (e *watermillEnds) Subscriber(link, _ int) (Subscriber, error) {
	messages, err := e.channel.Subscribe(context.Background(), topic(link))
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return &watermillSubscriber{messages, e.size, e.early}, nil
}

func (e *watermillEnds) Close() error { return e.channel.Close() }

type watermillPublisher struct {
	channel *gochannel.GoChannel
	topic   string
}

func (p *watermillPublisher) Publish(w *event.Writer, n int) error {
	packed := make([]byte, n*w.Size)
	w.Pack(packed, n)
	return p.channel.Publish(p.topic, message.NewMessage("", packed))
}

func (p *watermillPublisher) Flush() error { return nil }
func (p *watermillPublisher) Close() error { return nil }

type watermillSubscriber struct {
	messages <-chan *message.Message
	size     int
	// early acknowledges before an event is looked at: whoever publishes in
	// answer to it waits for the other side, which waits for the acknowledgement.
	early bool
}

func (s *watermillSubscriber) Run(see func([]byte) bool) error {
	for m := range s.messages {
		if s.early {
			m.Ack()
		}
		more := event.Each(m.Payload, s.size, see)
		m.Ack() // a second time does nothing
		if !more {
			return nil
		}
	}
	return errEnded
}

func (s *watermillSubscriber) Close() error { return nil }

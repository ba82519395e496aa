package peer

import (
	"os"

	evbus "github.com/asaskevich/EventBus"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// eventBus is asaskevich/EventBus. Streams use its plain handlers, which run
// within Publish; a ping-pong its asynchronous ones, a goroutine for each event,
// as there would be nobody else to answer.
var eventBus = &Go{
	Peer: proto.Peer{
		Name: "eventbus", Language: "Go", Version: moduleVersion("github.com/asaskevich/EventBus"), InProcess: true,
		Workloads: streams, Batch: "packed into one argument",
	},
	open: func(c proto.Config, _ []*os.File) (Ends, error) {
		e := &eventBusEnds{size: c.Size, async: c.Workload == proto.Pingpong}
		// Publish holds the bus's lock, so a handler that publishes needs another bus.
		for i := range e.buses {
			e.buses[i] = evbus.New()
		}
		return e, nil
	},
}

const busTopic = "events"

type eventBusEnds struct {
	buses [2]evbus.Bus
	size  int
	async bool
}

func (e *eventBusEnds) Publisher(link int) (Publisher, error) {
	return &eventBusPublisher{bus: e.buses[link], fresh: e.async}, nil
}

// Subscriber subscribes at once; what its handler sees goes to whoever runs it.
func (e *eventBusEnds) Subscriber(link, _ int) (Subscriber, error) {
	s := &eventBusSubscriber{size: e.size, sees: make(chan func([]byte) bool, 1), done: make(chan struct{})}
	if e.async {
		return s, e.buses[link].SubscribeAsync(busTopic, s.handle, false)
	}
	return s, e.buses[link].Subscribe(busTopic, s.handle)
}

func (e *eventBusEnds) Close() error { return nil }

type eventBusPublisher struct {
	bus   evbus.Bus
	fresh bool // an asynchronous handler may still read the last one
	own   []byte
}

func (p *eventBusPublisher) Publish(w *event.Writer, n int) error {
	if p.fresh || len(p.own) < n*w.Size {
		p.own = make([]byte, n*w.Size)
	}
	p.bus.Publish(busTopic, p.own[:w.Pack(p.own, n)])
	return nil
}

func (p *eventBusPublisher) Flush() error { return nil }
func (p *eventBusPublisher) Close() error { return nil }

type eventBusSubscriber struct {
	size int
	see  func([]byte) bool
	sees chan func([]byte) bool
	done chan struct{}
}

// handle runs one at a time: within Publish, or with one event in flight.
func (s *eventBusSubscriber) handle(packed []byte) {
	if s.see == nil {
		s.see = <-s.sees
	}
	if !event.Each(packed, s.size, s.see) {
		close(s.done)
	}
}

func (s *eventBusSubscriber) Run(see func([]byte) bool) error {
	s.sees <- see
	<-s.done
	return nil
}

func (s *eventBusSubscriber) Close() error { return nil }

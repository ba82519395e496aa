package peer

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// natsPeer is NATS over loopback, the server in a process of its own. Core NATS
// drops what a slow subscriber does not take, and has no word to a publisher to
// wait; so subscribers say how far they are, and the publisher keeps at most a
// ring's capacity under way, as ours does.
var natsPeer = &Go{
	Peer: proto.Peer{
		Name: "nats", Language: "Go", Version: moduleVersion("github.com/nats-io/nats-server/v2"), Broker: true,
		Workloads: streams, Batch: "packed into one message; the client itself collects messages between writes",
	},
	broker: serveNATS,
	open: func(c proto.Config, _ []*os.File) (Ends, error) {
		conn, err := nats.Connect(c.Broker, nats.NoReconnect())
		if err != nil {
			return nil, fmt.Errorf("connect to the server: %w", err)
		}
		return &natsEnds{conn: conn, config: c}, nil
	},
}

const natsPatience = 10 * time.Second

func serveNATS(_ proto.Config, ready func(string) error, stop <-chan struct{}) error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	go s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(natsPatience) {
		return fmt.Errorf("the server is not up after %v", natsPatience)
	}
	if err := ready(s.ClientURL()); err != nil {
		return err
	}
	<-stop
	return nil
}

type natsEnds struct {
	conn   *nats.Conn
	config proto.Config
}

func progress(link int) string { return "progress-" + strconv.Itoa(link) }

func (e *natsEnds) Publisher(link int) (Publisher, error) {
	p := &natsPublisher{conn: e.conn, subject: topic(link), window: uint64(e.config.Capacity), moved: make(chan struct{}, 1)}
	p.reached = make([]atomic.Uint64, e.config.Subs)
	_, err := e.conn.Subscribe(progress(link), func(m *nats.Msg) {
		// "index count"
		var index int
		var count uint64
		if _, err := fmt.Sscan(string(m.Data), &index, &count); err != nil || index < 0 || index >= len(p.reached) {
			return
		}
		p.reached[index].Store(count)
		select {
		case p.moved <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	return p, e.conn.FlushTimeout(natsPatience)
}

func (e *natsEnds) Subscriber(link, index int) (Subscriber, error) {
	s := &natsSubscriber{ends: e, link: link, index: index, sees: make(chan func([]byte) bool, 1), done: make(chan struct{})}
	sub, err := e.conn.Subscribe(topic(link), s.handle)
	if err != nil {
		return nil, err
	}
	// The window bounds what is pending.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	return s, e.conn.FlushTimeout(natsPatience)
}

func (e *natsEnds) Close() error {
	e.conn.Close()
	return nil
}

type natsPublisher struct {
	conn    *nats.Conn
	subject string
	own     []byte
	sent    uint64
	limit   uint64 // may be sent before the subscribers are asked again
	window  uint64
	reached []atomic.Uint64
	moved   chan struct{}
}

func (p *natsPublisher) Publish(w *event.Writer, n int) error {
	for p.sent+uint64(n) > p.limit {
		if err := p.await(n); err != nil {
			return err
		}
	}
	if len(p.own) < n*w.Size {
		p.own = make([]byte, n*w.Size)
	}
	p.sent += uint64(n)
	return p.conn.Publish(p.subject, p.own[:w.Pack(p.own, n)])
}

// await returns when the slowest subscriber may have moved on.
func (p *natsPublisher) await(n int) error {
	slowest := p.reached[0].Load()
	for i := range p.reached {
		slowest = min(slowest, p.reached[i].Load())
	}
	if p.limit = slowest + p.window; p.sent+uint64(n) <= p.limit {
		return nil
	}
	select {
	case <-p.moved:
		return nil
	case <-time.After(natsPatience):
		return fmt.Errorf("a subscriber has not moved for %v: %w", natsPatience, errEnded)
	}
}

// Flush need not do anything: the client writes as soon as it can.
func (p *natsPublisher) Flush() error { return nil }

func (p *natsPublisher) Close() error { return p.conn.FlushTimeout(natsPatience) }

type natsSubscriber struct {
	ends  *natsEnds
	link  int
	index int
	count uint64
	told  uint64
	see   func([]byte) bool
	over  bool
	sees  chan func([]byte) bool
	done  chan struct{}
}

// handle runs one at a time, on the client's goroutine for the subscription.
func (s *natsSubscriber) handle(m *nats.Msg) {
	if s.over {
		return
	}
	if s.see == nil {
		s.see = <-s.sees
	}
	more := event.Each(m.Data, s.ends.config.Size, s.see)
	s.count += uint64(max(1, len(m.Data)/s.ends.config.Size))
	if s.count-s.told >= uint64(s.ends.config.Capacity)/8 {
		s.told = s.count
		if err := s.ends.conn.Publish(progress(s.link), fmt.Appendf(nil, "%d %d", s.index, s.count)); err != nil {
			more = false
		}
	}
	if !more {
		s.over = true
		close(s.done)
	}
}

func (s *natsSubscriber) Run(see func([]byte) bool) error {
	s.sees <- see
	<-s.done
	return nil
}

func (s *natsSubscriber) Close() error { return nil }

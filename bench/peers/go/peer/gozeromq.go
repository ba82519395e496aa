package peer

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	zmq "github.com/go-zeromq/zmq4"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// goZeroMQ is ZeroMQ in Go alone, over a Unix socket. Its PUB queues without
// bound or drops without a word, so each subscriber has a PUSH of its own.
var goZeroMQ = &Go{
	Peer: proto.Peer{
		Name: "go-zeromq", Language: "Go", Version: moduleVersion("github.com/go-zeromq/zmq4"), Workloads: streams,
		Batch: "packed into one message to each subscriber",
	},
	open: func(c proto.Config, _ []*os.File) (Ends, error) { return &goZeroMQEnds{c}, nil },
}

const (
	dialEvery = 20 * time.Millisecond
	dialTimes = 500
)

type goZeroMQEnds struct{ config proto.Config }

func (e *goZeroMQEnds) endpoint(link, index int) string {
	return "ipc://" + filepath.Join(e.config.Dir, topic(link)+"-"+strconv.Itoa(index))
}

func (e *goZeroMQEnds) Publisher(link int) (Publisher, error) {
	p := &goZeroMQPublisher{}
	for i := range e.config.Subs {
		s := zmq.NewPush(context.Background(), zmq.WithDialerRetry(dialEvery), zmq.WithDialerMaxRetries(dialTimes))
		if err := s.Dial(e.endpoint(link, i)); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.sockets = append(p.sockets, s)
	}
	return p, nil
}

func (e *goZeroMQEnds) Subscriber(link, index int) (Subscriber, error) {
	s := zmq.NewPull(context.Background())
	if err := s.Listen(e.endpoint(link, index)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &goZeroMQSubscriber{s, e.config.Size}, nil
}

func (e *goZeroMQEnds) Close() error { return nil }

type goZeroMQPublisher struct {
	sockets []zmq.Socket
	own     []byte
}

func (p *goZeroMQPublisher) Publish(w *event.Writer, n int) error {
	if len(p.own) < n*w.Size {
		p.own = make([]byte, n*w.Size)
	}
	// Send has written when it returns.
	m := zmq.NewMsg(p.own[:w.Pack(p.own, n)])
	for _, s := range p.sockets {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *goZeroMQPublisher) Flush() error { return nil }

func (p *goZeroMQPublisher) Close() error {
	var errs []error
	for _, s := range p.sockets {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

type goZeroMQSubscriber struct {
	socket zmq.Socket
	size   int
}

func (s *goZeroMQSubscriber) Run(see func([]byte) bool) error {
	for {
		m, err := s.socket.Recv()
		if err != nil {
			return err
		}
		if !event.Each(m.Bytes(), s.size, see) {
			return nil
		}
	}
}

// Close may find that the connection has been closed from the other side.
func (s *goZeroMQSubscriber) Close() error {
	if err := s.socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

//go:build zeromq && cgo

package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pebbe/zmq4"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	zeroMQMissing  = ""
	zeroMQPatience = 10 * time.Second
)

func libzmqVersion() string {
	major, minor, patch := zmq4.Version()
	return fmt.Sprintf("%d.%d.%d", major, minor, patch)
}

func openZeroMQ(c proto.Config, _ []*os.File) (Ends, error) { return &zeroMQEnds{c}, nil }

type zeroMQEnds struct{ config proto.Config }

func (e *zeroMQEnds) endpoint(link int) string {
	return "ipc://" + filepath.Join(e.config.Dir, topic(link))
}

// Publisher returns when all subscribers have joined.
func (e *zeroMQEnds) Publisher(link int) (_ Publisher, err error) {
	s, err := zmq4.NewSocket(zmq4.XPUB)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	err = errors.Join(s.SetSndhwm(e.config.Capacity), s.SetXpubNodrop(true), s.SetXpubVerbose(1),
		s.SetRcvtimeo(zeroMQPatience), s.Bind(e.endpoint(link)))
	if err != nil {
		return nil, err
	}
	for joined := 0; joined < e.config.Subs; joined++ {
		if _, err := s.RecvBytes(0); err != nil {
			return nil, fmt.Errorf("%d of %d subscribers have joined: %w", joined, e.config.Subs, err)
		}
	}
	return &zeroMQPublisher{socket: s}, nil
}

func (e *zeroMQEnds) Subscriber(link, _ int) (Subscriber, error) {
	s, err := zmq4.NewSocket(zmq4.SUB)
	if err != nil {
		return nil, err
	}
	err = errors.Join(s.SetRcvhwm(e.config.Capacity), s.SetSubscribe(""), s.Connect(e.endpoint(link)))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &zeroMQSubscriber{s, e.config.Size}, nil
}

func (e *zeroMQEnds) Close() error { return nil }

type zeroMQPublisher struct {
	socket *zmq4.Socket
	own    []byte
}

func (p *zeroMQPublisher) Publish(w *event.Writer, n int) error {
	if len(p.own) < n*w.Size {
		p.own = make([]byte, n*w.Size)
	}
	_, err := p.socket.SendBytes(p.own[:w.Pack(p.own, n)], 0)
	return err
}

func (p *zeroMQPublisher) Flush() error { return nil }
func (p *zeroMQPublisher) Close() error { return p.socket.Close() }

type zeroMQSubscriber struct {
	socket *zmq4.Socket
	size   int
}

func (s *zeroMQSubscriber) Run(see func([]byte) bool) error {
	for {
		m, err := s.socket.RecvBytes(0)
		if err != nil {
			return err
		}
		if !event.Each(m, s.size, see) {
			return nil
		}
	}
}

func (s *zeroMQSubscriber) Close() error { return s.socket.Close() }

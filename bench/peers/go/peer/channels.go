package peer

import (
	"fmt"
	"os"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// channels is a buffered channel for each subscriber. A single event travels as
// a value, a batch as a slice that all subscribers share and nobody changes.
var channels = &Go{
	Peer: proto.Peer{
		Name: "channels", Language: "Go", Version: goVersion(), InProcess: true, Workloads: streams,
		Batch: "one slice, shared by all subscribers",
	},
	open: func(c proto.Config, _ []*os.File) (Ends, error) {
		switch c.Size {
		case 16:
			return newChannels[[16]byte](c), nil
		case 32:
			return newChannels[[32]byte](c), nil
		case 48:
			return newChannels[[48]byte](c), nil
		case 64:
			return newChannels[[64]byte](c), nil
		case 128:
			return newChannels[[128]byte](c), nil
		case 256:
			return newChannels[[256]byte](c), nil
		case 512:
			return newChannels[[512]byte](c), nil
		case 1024:
			return newChannels[[1024]byte](c), nil
		}
		return nil, fmt.Errorf("-size %d: values that go through channels have a power of two from 16 to 1024 bytes, or 48", c.Size)
	},
}

type channelLink[V value] struct {
	one  []chan V
	many []chan []V
}

type channelEnds[V value] struct {
	batched bool
	links   [2]channelLink[V]
}

func newChannels[V value](c proto.Config) Ends {
	e := &channelEnds[V]{batched: c.Batch > 1}
	for i := range e.links {
		for range c.Subs {
			e.links[i].one = append(e.links[i].one, make(chan V, c.Capacity))
			e.links[i].many = append(e.links[i].many, make(chan []V, max(1, c.Capacity/c.Batch)))
		}
	}
	return e
}

func (e *channelEnds[V]) Publisher(link int) (Publisher, error) {
	if e.batched {
		return &channelBatchPublisher[V]{e.links[link].many}, nil
	}
	return &channelPublisher[V]{out: e.links[link].one}, nil
}

func (e *channelEnds[V]) Subscriber(link, index int) (Subscriber, error) {
	if e.batched {
		return &channelBatchSubscriber[V]{e.links[link].many[index]}, nil
	}
	return &channelSubscriber[V]{e.links[link].one[index]}, nil
}

func (e *channelEnds[V]) Close() error { return nil }

type channelPublisher[V value] struct {
	out []chan V
	v   V
}

func (p *channelPublisher[V]) Publish(w *event.Writer, n int) error {
	for range n {
		w.Next(bytesOf(&p.v))
		for _, ch := range p.out {
			ch <- p.v
		}
	}
	return nil
}

func (p *channelPublisher[V]) Flush() error { return nil }
func (p *channelPublisher[V]) Close() error { return nil }

type channelSubscriber[V value] struct{ in chan V }

func (s *channelSubscriber[V]) Run(see func([]byte) bool) error {
	var v V
	for b := bytesOf(&v); ; {
		if v = <-s.in; !see(b) {
			return nil
		}
	}
}

func (s *channelSubscriber[V]) Close() error { return nil }

type channelBatchPublisher[V value] struct{ out []chan []V }

func (p *channelBatchPublisher[V]) Publish(w *event.Writer, n int) error {
	batch := make([]V, n)
	for i := range batch {
		w.Next(bytesOf(&batch[i]))
	}
	for _, ch := range p.out {
		ch <- batch
	}
	return nil
}

func (p *channelBatchPublisher[V]) Flush() error { return nil }
func (p *channelBatchPublisher[V]) Close() error { return nil }

type channelBatchSubscriber[V value] struct{ in chan []V }

func (s *channelBatchSubscriber[V]) Run(see func([]byte) bool) error {
	for {
		for batch, i := <-s.in, 0; i < len(batch); i++ {
			if !see(bytesOf(&batch[i])) {
				return nil
			}
		}
	}
}

func (s *channelBatchSubscriber[V]) Close() error { return nil }

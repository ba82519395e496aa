package peer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/flipcall"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// flipcallPeer is gVisor's synchronous calls through shared memory: a packet
// window for each subscriber, an event or a batch a call.
var flipcallPeer = &Go{
	Peer: proto.Peer{
		Name: "flipcall", Language: "Go", Version: moduleVersion("gvisor.dev/gvisor"), Workloads: streams,
		Batch: "one call to each subscriber",
	},
	wire: func(c proto.Config) (Wiring, error) {
		if c.Workload == proto.Pingpong {
			w := Wiring{}
			return w, shareWindow(c, w, Seat(proto.RolePing, 0), Seat(proto.RolePong, 0))
		}
		w := Wiring{}
		for i := range c.Subs {
			if err := shareWindow(c, w, Seat(proto.RolePub, 0), Seat(proto.RoleSub, i)); err != nil {
				w.Close()
				return nil, err
			}
		}
		return w, nil
	},
	open: func(c proto.Config, files []*os.File) (Ends, error) {
		side := flipcall.ClientSide
		if c.Role == proto.RoleSub || c.Role == proto.RolePong {
			side = flipcall.ServerSide
		}
		e := &flipcallEnds{size: c.Size}
		for _, f := range files {
			ep, err := flipcall.NewEndpoint(side, flipcall.PacketWindowDescriptor{FD: int(f.Fd()), Length: windowLength(c)})
			if err != nil {
				return nil, errors.Join(err, e.Close())
			}
			e.endpoints = append(e.endpoints, ep)
		}
		if c.Workload == proto.Pingpong {
			return &flipcallCalls{e}, nil
		}
		return e, nil
	},
}

func windowLength(c proto.Config) int {
	return flipcall.PacketWindowLengthForDataCap(uint32(c.Batch * c.Size))
}

// shareWindow gives the same new window to both seats.
func shareWindow(c proto.Config, w Wiring, a, b string) error {
	alloc, err := flipcall.NewPacketWindowAllocator()
	if err != nil {
		return err
	}
	defer alloc.Destroy()
	pwd, err := alloc.Allocate(windowLength(c))
	if err != nil {
		return err
	}
	for _, seat := range []string{a, b} {
		fd, err := unix.FcntlInt(uintptr(pwd.FD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		w[seat] = append(w[seat], os.NewFile(uintptr(fd), "packet window"))
	}
	return nil
}

type flipcallEnds struct {
	endpoints []*flipcall.Endpoint
	size      int
	connected bool
}

func (e *flipcallEnds) Publisher(int) (Publisher, error) { return &flipcallPublisher{ends: e}, nil }

func (e *flipcallEnds) Subscriber(int, int) (Subscriber, error) {
	return &flipcallSubscriber{e.endpoints[0], e.size}, nil
}

func (e *flipcallEnds) Close() error {
	for _, ep := range e.endpoints {
		ep.Shutdown()
		ep.Destroy()
	}
	return nil
}

// connect waits until the other side listens, which it does only once it runs.
func (e *flipcallEnds) connect() error {
	if e.connected {
		return nil
	}
	for _, ep := range e.endpoints {
		if err := ep.Connect(); err != nil {
			return err
		}
	}
	e.connected = true
	return nil
}

type flipcallPublisher struct {
	ends *flipcallEnds
	own  []byte
}

func (p *flipcallPublisher) Publish(w *event.Writer, n int) error {
	if err := p.ends.connect(); err != nil {
		return err
	}
	if len(p.own) < n*w.Size {
		p.own = make([]byte, n*w.Size)
	}
	packed := p.own[:w.Pack(p.own, n)]
	for _, ep := range p.ends.endpoints {
		if _, err := ep.SendRecvFast(uint32(copy(ep.Data(), packed))); err != nil {
			return err
		}
	}
	return nil
}

func (p *flipcallPublisher) Flush() error { return nil }
func (p *flipcallPublisher) Close() error { return nil }

type flipcallSubscriber struct {
	endpoint *flipcall.Endpoint
	size     int
}

func (s *flipcallSubscriber) Run(see func([]byte) bool) error {
	n, err := s.endpoint.RecvFirst()
	for ; err == nil; n, err = s.endpoint.SendRecvFast(0) {
		if !event.Each(s.endpoint.Data()[:n], s.size, see) {
			return s.endpoint.SendLast(0)
		}
	}
	return err
}

func (s *flipcallSubscriber) Close() error { return nil }

// flipcallCalls is a ping-pong of calls: each answer is an event, too.
type flipcallCalls struct{ *flipcallEnds }

func (e *flipcallCalls) Call(w *event.Writer, see func([]byte) bool) error {
	if err := e.connect(); err != nil {
		return err
	}
	ep := e.endpoints[0]
	n, err := ep.SendRecvFast(uint32(w.Pack(ep.Data(), 1)))
	if err != nil {
		return err
	}
	see(ep.Data()[:n])
	return nil
}

func (e *flipcallCalls) Answer(w *event.Writer, see func([]byte) bool) error {
	ep := e.endpoints[0]
	n, err := ep.RecvFirst()
	for err == nil {
		more := see(ep.Data()[:n])
		length := uint32(w.Pack(ep.Data(), 1))
		if !more {
			return ep.SendLast(length)
		}
		n, err = ep.SendRecvFast(length)
	}
	return err
}

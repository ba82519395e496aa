package rtpd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
)

// stopWait bounds how long packets in hand may wait for room once the process is to stop.
const stopWait = 3 * time.Second

// Report is what the process has done.
type Report struct {
	Counts
	Streams uint64 `json:"streams"`
	Refused uint64 `json:"refused"` // calls for which there was no port
	Waited  uint64 `json:"waited"`  // times that the lane was full and a packet waited
}

// Program returns the process.
func Program() program.Program {
	var ip string
	return program.Program{
		Name: "rtpd",
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&ip, "rtp", "127.0.0.1", "IPv4 address to receive RTP on; each call takes a free port there")
		},
		Run: func(ctx context.Context, env *program.Env) (any, error) {
			addr := net.ParseIP(ip).To4()
			if addr == nil {
				return nil, fmt.Errorf("-rtp %q is no IPv4 address", ip)
			}
			return run(ctx, env, addr)
		},
	}
}

// outlet is what streams publish to.
type outlet struct {
	rtp  *bus.Publisher[events.RTPPacket]
	ends *bus.Publisher[events.StreamEnd]
	room int // for a packet
}

func (o *outlet) end(ctx context.Context, e *events.StreamEnd) error {
	if err := o.ends.PublishWith(ctx, e, bus.With{Key: e.Call}); err != nil {
		return fmt.Errorf("publishing the end of a stream: %w", err)
	}
	return nil
}

func newOutlet(b *bus.Bus) (_ *outlet, err error) {
	o := new(outlet)
	if o.rtp, err = bus.NewPublisher[events.RTPPacket](b, nil); err != nil {
		return nil, err
	}
	if o.ends, err = bus.NewPublisher[events.StreamEnd](b, nil); err != nil {
		return nil, err
	}
	probe, err := o.rtp.Loan()
	if err != nil {
		return nil, err
	}
	o.room = min(len(probe.Tail()), maxPacket)
	probe.Discard()
	return o, nil
}

// server opens and closes streams as calls come and go.
type server struct {
	ip    net.IP
	log   *slog.Logger
	out   *outlet
	ports *bus.Publisher[events.MediaPort]

	live map[uint64]*stream // of the goroutine that reads call states
	work sync.WaitGroup

	mu     sync.Mutex
	report Report
}

func run(ctx context.Context, env *program.Env, ip net.IP) (any, error) {
	states, err := bus.Subscribe[events.CallState](env.Bus, &bus.SubscribeOptions{Name: "rtpd"})
	if err != nil {
		return nil, err
	}
	defer states.Close()
	s := &server{ip: ip, log: env.Log, live: make(map[uint64]*stream)}
	if s.out, err = newOutlet(env.Bus); err != nil {
		return nil, err
	}
	if s.ports, err = bus.NewPublisher[events.MediaPort](env.Bus, nil); err != nil {
		return nil, err
	}
	if err := env.Ready(program.Ready{}); err != nil {
		return nil, err
	}

	// Packets in hand are published also after ctx has ended.
	publish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err = s.follow(ctx, publish, states)
	giveUp := time.AfterFunc(stopWait, cancel)
	defer giveUp.Stop()
	for _, st := range s.live {
		err = errors.Join(err, st.end(0))
	}
	s.work.Wait()
	s.report.Waited = s.out.rtp.Stats().Full
	return &s.report, err
}

// follow works on call states until ctx ends.
func (s *server) follow(ctx, publish context.Context, states *bus.Subscriber[events.CallState]) error {
	for {
		m, err := states.Receive(ctx)
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			s.log.Error("call states missed: some ports will stay open", "err", err)
			continue
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("receiving call states: %w", err)
		}
		switch e := &m.Value; {
		case e.State == events.Offered:
			if err := s.open(publish, e.Call); err != nil {
				return err
			}
		case e.State.Final():
			st, ok := s.live[e.Call]
			if !ok {
				continue
			}
			delete(s.live, e.Call)
			if err := st.end(linger); err != nil {
				return err
			}
		}
	}
}

// open begins to receive for a call, and says where.
func (s *server) open(ctx context.Context, call uint64) error {
	answer := events.MediaPort{Call: call}
	st, err := newStream(call, s.ip, s.out)
	if err != nil {
		s.log.Error("no port", "err", err)
		s.mu.Lock()
		s.report.Refused++
		s.mu.Unlock()
	} else {
		answer.Local = st.local()
		s.live[call] = st
		s.work.Go(func() { s.receive(ctx, st) })
	}
	if err := s.ports.PublishWith(ctx, &answer, bus.With{Key: call}); err != nil {
		return fmt.Errorf("publishing a media port: %w", err)
	}
	return nil
}

func (s *server) receive(ctx context.Context, st *stream) {
	counts, err := st.run(ctx)
	if err != nil {
		s.log.Error("stream broke off", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Streams++
	s.report.Counts.add(counts)
}

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
	"github.com/rvoip/shmbus/events"
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
	ends *bus.Publisher[events.RTPStream]
	room int // for a packet
}

func (o *outlet) end(ctx context.Context, e *events.RTPStream) error {
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
	if o.ends, err = bus.NewPublisher[events.RTPStream](b, nil); err != nil {
		return nil, err
	}
	o.room = min(o.rtp.MaxTail(), maxPacket)
	return o, nil
}

// server opens and closes streams as calls come and go.
type server struct {
	ip    net.IP
	log   *slog.Logger
	out   *outlet
	media *bus.Publisher[events.MediaEvent]

	live map[uint64]*stream // of the goroutine that takes orders
	work sync.WaitGroup

	mu     sync.Mutex
	report Report
}

func run(ctx context.Context, env *program.Env, ip net.IP) (any, error) {
	types, err := events.Types(env.Bus, events.MediaStart{}, events.MediaStop{})
	if err != nil {
		return nil, err
	}
	orders, err := env.Bus.Subscribe(&bus.SubscribeOptions{Name: "rtpd", Types: types, Priorities: []bus.Priority{bus.Critical}})
	if err != nil {
		return nil, err
	}
	defer orders.Close()
	s := &server{ip: ip, log: env.Log, live: make(map[uint64]*stream)}
	if s.out, err = newOutlet(env.Bus); err != nil {
		return nil, err
	}
	if s.media, err = bus.NewPublisher[events.MediaEvent](env.Bus, nil); err != nil {
		return nil, err
	}
	if err := env.Ready(program.Ready{}); err != nil {
		return nil, err
	}

	// Packets in hand are published also after ctx has ended.
	publish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	err = s.follow(ctx, publish, orders)
	giveUp := time.AfterFunc(stopWait, cancel)
	defer giveUp.Stop()
	for _, st := range s.live {
		err = errors.Join(err, st.end(0))
	}
	s.work.Wait()
	s.report.Waited = s.out.rtp.Stats().Full
	return &s.report, err
}

// follow carries orders out until ctx ends. It does so when it has let go of the event: the answer
// goes to the lane that the order came on.
func (s *server) follow(ctx, publish context.Context, orders *bus.Subscription) error {
	for {
		var act func() error
		err := orders.View(ctx, func(e *bus.Event) error {
			if v, ok := bus.As[events.MediaStart](e); ok {
				ref := v.Ref
				act = func() error { return s.open(publish, ref) }
			} else if v, ok := bus.As[events.MediaStop](e); ok {
				call := v.Call
				act = func() error { return s.end(call) }
			}
			return nil
		})
		if act != nil {
			err = errors.Join(err, act())
		}
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			s.log.Error("orders missed: some ports will stay open", "err", err)
		case ctx.Err() != nil:
			return nil //nolint:nilerr // this is what has ended it
		case err != nil:
			return fmt.Errorf("following orders: %w", err)
		}
	}
}

// open begins to receive for a call, and says where.
func (s *server) open(ctx context.Context, ref events.Ref) error {
	answer := events.MediaEvent{Ref: ref, Kind: events.MediaStarted, Flow: events.FlowRecvOnly}
	st, err := newStream(ref.Call, s.ip, s.out)
	if err != nil {
		s.log.Error("no port", "err", err)
		answer.Kind = events.MediaFailed
		answer.Reason.SetTruncate(err.Error())
		s.mu.Lock()
		s.report.Refused++
		s.mu.Unlock()
	} else {
		answer.Local = st.local()
		s.live[ref.Call] = st
		s.work.Go(func() { s.receive(ctx, st) })
	}
	if err := s.media.PublishWith(ctx, &answer, bus.With{Key: ref.Call}); err != nil {
		return fmt.Errorf("publishing where a call's media is received: %w", err)
	}
	return nil
}

// end lets a call's stream come to its end.
func (s *server) end(call uint64) error {
	st, ok := s.live[call]
	if !ok {
		return nil
	}
	delete(s.live, call)
	return st.end(linger)
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

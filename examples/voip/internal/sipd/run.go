package sipd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
)

// publishWait bounds how long a publish may wait for room: a SIP server that stands
// still for longer has lost its callers anyway.
const publishWait = 5 * time.Second

// Program returns the process.
func Program() program.Program {
	var listen string
	return program.Program{
		Name: "sipd",
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&listen, "sip", "127.0.0.1:5060", "IPv4 address and UDP port to answer SIP on; port 0 takes a free one")
		},
		Run: func(ctx context.Context, env *program.Env) (any, error) { return run(ctx, env, listen) },
	}
}

func run(ctx context.Context, env *program.Env, listen string) (report any, err error) {
	addr, err := net.ResolveUDPAddr("udp4", listen)
	if err != nil {
		return nil, fmt.Errorf("-sip %s: %w", listen, err)
	}
	out, err := newOutlet(env.Bus, env.Log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	conn, err := net.ListenUDP("udp4", addr)
	if err != nil {
		return nil, fmt.Errorf("-sip %s: %w", listen, err)
	}
	defer conn.Close()
	r, err := serve(ctx, conn, out, env.Log, func(local netip.AddrPort) error {
		return env.Ready(program.Ready{SIP: local.String()})
	})
	if r == nil {
		return nil, err
	}
	return r, err
}

// busOutlet is the outlet to the bus.
type busOutlet struct {
	log    *slog.Logger
	states *bus.Publisher[events.CallStateChanged]
	starts *bus.Publisher[events.MediaStart]
	stops  *bus.Publisher[events.MediaStop]
	sip    *bus.Publisher[events.SIPMessage]
	media  *bus.Subscriber[events.MediaEvent]
	done   chan struct{}

	mu      sync.Mutex
	waiting map[uint64]chan<- events.Addr
}

func newOutlet(b *bus.Bus, log *slog.Logger) (_ *busOutlet, err error) {
	o := &busOutlet{log: log, done: make(chan struct{}), waiting: make(map[uint64]chan<- events.Addr)}
	if o.states, err = bus.NewPublisher[events.CallStateChanged](b, nil); err != nil {
		return nil, err
	}
	if o.starts, err = bus.NewPublisher[events.MediaStart](b, nil); err != nil {
		return nil, err
	}
	if o.stops, err = bus.NewPublisher[events.MediaStop](b, nil); err != nil {
		return nil, err
	}
	if o.sip, err = bus.NewPublisher[events.SIPMessage](b, nil); err != nil {
		return nil, err
	}
	if o.media, err = bus.Subscribe[events.MediaEvent](b, &bus.SubscribeOptions{Name: "sipd"}); err != nil {
		return nil, err
	}
	go o.receive()
	return o, nil
}

func (o *busOutlet) close() error {
	err := o.media.Close()
	<-o.done
	return errors.Join(err, o.sip.Close(), o.stops.Close(), o.starts.Close(), o.states.Close())
}

// CallState implements outlet.
func (o *busOutlet) CallState(e *events.CallStateChanged) error {
	return publish(o.states, e, bus.With{Key: e.Call})
}

// MediaStart implements outlet.
func (o *busOutlet) MediaStart(e *events.MediaStart, sdp []byte) error {
	if len(sdp) > o.starts.MaxTail() { // the addresses in the event are all that rtpd needs
		sdp, e.Tail = nil, events.Split{}
	}
	return publish(o.starts, e, bus.With{Key: e.Call, Tail: sdp})
}

// MediaStop implements outlet.
func (o *busOutlet) MediaStop(e *events.MediaStop) error {
	return publish(o.stops, e, bus.With{Key: e.Call})
}

// SIPMessage implements outlet.
func (o *busOutlet) SIPMessage(m *events.SIPMessage, raw []byte) error {
	return publish(o.sip, m, bus.With{Key: m.Call, Tail: raw[:min(len(raw), o.sip.MaxTail())]})
}

func publish[T any](p *bus.Publisher[T], v *T, w bus.With) error {
	ctx, cancel := context.WithTimeout(context.Background(), publishWait)
	defer cancel()
	return p.PublishWith(ctx, v, w)
}

// Expect implements outlet.
func (o *busOutlet) Expect(call uint64) (<-chan events.Addr, func()) {
	ch := make(chan events.Addr, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting[call] = ch
	return ch, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.waiting, call)
	}
}

// receive hands ports to the calls that wait for them.
func (o *busOutlet) receive() {
	defer close(o.done)
	for {
		m, err := o.media.Receive(context.Background())
		var lag *bus.LagError
		switch {
		case errors.As(err, &lag):
			o.log.Error("media events missed", "err", err)
			continue
		case errors.Is(err, bus.ErrClosed):
			return
		case err != nil:
			o.log.Error("no more media events", "err", err)
			return
		}
		o.mu.Lock()
		if ch, ok := o.waiting[m.Value.Call]; ok {
			delete(o.waiting, m.Value.Call)
			ch <- m.Value.Local // has room for one, and is here once; no address: it failed
		}
		o.mu.Unlock()
	}
}

package mediad

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
)

const (
	durable = "mediad"
	batch   = 64              // events looked at between two looks at the clock
	every   = time.Second     // findings
	room    = 2 * time.Second // how long a finding may wait for room
)

// Program returns the process.
func Program() program.Program {
	var state string
	return program.Program{
		Name: "mediad",
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&state, "state", "", "file to keep live calls in over a restart; none if empty")
		},
		Run: func(ctx context.Context, env *program.Env) (any, error) { return run(ctx, env, state) },
	}
}

func run(ctx context.Context, env *program.Env, state string) (report any, err error) {
	s, err := open(env, state)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.store.close()) }()
	types, err := events.Types(env.Bus, events.CallStateChanged{}, events.SIPMessage{}, events.RTPPacket{}, events.RTPStream{})
	if err != nil {
		return nil, err
	}
	sub, err := env.Bus.Subscribe(&bus.SubscribeOptions{
		Name: "mediad", Durable: durable, Types: types,
		Priorities: []bus.Priority{bus.Critical, bus.High, bus.Normal},
	})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	if err := env.Ready(program.Ready{}); err != nil {
		return nil, err
	}
	l := newLatencies()
	if err := receive(ctx, s, sub, l); err != nil {
		return nil, err
	}
	r := &Report{totals: s.totals, Live: len(s.calls), Unsaved: s.unsaved, HeldMax: l.heldMax}
	r.Latency, r.Held = l.report()
	return r, nil
}

func open(env *program.Env, state string) (*server, error) {
	out, err := newOutlet(env.Bus)
	if err != nil {
		return nil, err
	}
	if state == "" {
		return newServer(out, env.Log, nil, nil, nil), nil
	}
	region, err := identity(env)
	if err != nil {
		return nil, err
	}
	st, t, calls, err := openStore(state, region, storedCalls)
	if err != nil {
		return nil, err
	}
	return newServer(out, env.Log, st, t, calls), nil
}

// identity returns what tells this region from another one of the same name.
func identity(env *program.Env) (string, error) {
	regions, err := bus.List(env.Options.Dir)
	if err != nil {
		return "", fmt.Errorf("identity of the region: %w", err)
	}
	for _, r := range regions {
		if r.Name == env.Bus.Name() {
			return r.ID, r.Err
		}
	}
	return "", fmt.Errorf("identity of the region: %s is not in its directory any more", env.Bus.Name())
}

// receive works on events until ctx ends, and then on those that are still there.
func receive(ctx context.Context, s *server, sub *bus.Subscription, l *latencies) error {
	take := func(e *bus.Event) error {
		h := e.Header()
		l.add(h)
		s.event(h, e)
		return nil
	}
	next := time.Now().Add(every)
	for ctx.Err() == nil {
		until, cancel := context.WithDeadline(ctx, next)
		for until.Err() == nil {
			if _, err := sub.ViewBatch(until, batch, take); s.missed(err) != nil && until.Err() == nil {
				cancel()
				return fmt.Errorf("receiving: %w", err)
			}
		}
		cancel()
		s.tick()
		next = time.Now().Add(every)
	}
	for {
		_, err := sub.TryViewBatch(batch, take)
		switch {
		case errors.Is(err, bus.ErrEmpty):
			s.disown(true)
			return nil
		case s.missed(err) != nil:
			return fmt.Errorf("receiving what is left: %w", err)
		}
	}
}

// missed counts events that the bus says were missed, and returns any other error.
func (s *server) missed(err error) error {
	var lag *bus.LagError
	if !errors.As(err, &lag) {
		return err
	}
	s.Lagged += lag.Missed
	s.saveTotals()
	s.log.Error("events missed", "err", err)
	return nil
}

// busOutlet is the outlet to the bus.
type busOutlet struct {
	quality *bus.Publisher[events.MediaQuality]
	report  *bus.Publisher[events.StreamReport]
}

func newOutlet(b *bus.Bus) (_ *busOutlet, err error) {
	o := new(busOutlet)
	if o.quality, err = bus.NewPublisher[events.MediaQuality](b, nil); err != nil {
		return nil, err
	}
	o.report, err = bus.NewPublisher[events.StreamReport](b, nil)
	return o, err
}

// Quality implements outlet.
func (o *busOutlet) Quality(v *events.MediaQuality) error {
	return o.quality.TryPublishWith(v, bus.With{Key: v.Call, Priority: v.Urgency()}) // Low is lossy, and never full
}

// Report implements outlet.
func (o *busOutlet) Report(v *events.StreamReport) error {
	ctx, cancel := context.WithTimeout(context.Background(), room)
	defer cancel()
	return o.report.PublishWith(ctx, v, bus.With{Key: v.Call})
}

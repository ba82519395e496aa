package peer

import (
	"errors"
	"fmt"
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// part is a role that has joined and does its work when run is called.
type part struct {
	role  string
	run   func(r *proto.Report) error
	close func() error
}

// play does the work of a role, or of all of them.
func (s *station) play(c proto.Config, ends Ends) (_ []proto.Report, err error) {
	var parts []*part
	defer func() {
		for _, p := range parts {
			err = errors.Join(err, p.close())
		}
	}()
	for _, seat := range cast(c) {
		p, err := join(seat, ends)
		if err != nil {
			return nil, fmt.Errorf("%s %s: join: %w", c.Peer, seat.Role, err)
		}
		parts = append(parts, p)
	}
	if err := s.begin(""); err != nil {
		return nil, err
	}
	before := used()
	reports, errs := make([]proto.Report, len(parts)), make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts[1:] {
		wg.Go(func() { errs[i+1] = p.run(&reports[i+1]) })
	}
	// One of them on the goroutine that opened it.
	errs[0] = parts[0].run(&reports[0])
	wg.Wait()
	for i, p := range parts {
		reports[i].Role = p.role
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s %s: %w", c.Peer, p.role, errs[i])
		}
	}
	before.since(&reports[0])
	return reports, errors.Join(errs...)
}

// cast lists the roles of this process; subscribers come first.
func cast(c proto.Config) []proto.Config {
	if c.Role != proto.RoleAll {
		return []proto.Config{c}
	}
	var seats []proto.Config
	seat := func(role string, index int) {
		c.Role, c.Index = role, index
		seats = append(seats, c)
	}
	if c.Workload == proto.Pingpong {
		seat(proto.RolePong, 0)
		seat(proto.RolePing, 0)
		return seats
	}
	for i := range c.Subs {
		seat(proto.RoleSub, i)
	}
	seat(proto.RolePub, 0)
	return seats
}

func join(c proto.Config, ends Ends) (*part, error) {
	switch c.Role {
	case proto.RolePub:
		pub, err := ends.Publisher(0)
		if err != nil {
			return nil, err
		}
		return &part{c.Role, func(r *proto.Report) error { return publish(c, pub, r) }, pub.Close}, nil
	case proto.RoleSub:
		sub, err := ends.Subscriber(0, c.Index)
		if err != nil {
			return nil, err
		}
		return &part{c.Role, func(r *proto.Report) error { return subscribe(c, sub, r) }, sub.Close}, nil
	case proto.RolePing, proto.RolePong:
		return joinPingpong(c, ends)
	}
	return nil, fmt.Errorf("no role is called %q", c.Role)
}

func publish(c proto.Config, pub Publisher, r *proto.Report) error {
	w := &event.Writer{Kind: event.Kind{Seed: c.IsSeed()}, Size: c.Size}
	for over := after(c.WarmNS); !over.passed(); {
		if err := pub.Publish(w, c.Batch); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	r.Warm, r.BeginNS = w.Count(), now()
	for over := after(c.DurationNS); !over.passed(); {
		if err := pub.Publish(w, c.Batch); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	w.Last = true
	if err := errors.Join(pub.Publish(w, 1), pub.Flush()); err != nil {
		return fmt.Errorf("publish the last event: %w", err)
	}
	r.Published, r.EndNS = w.Count(), now()
	return nil
}

func subscribe(c proto.Config, sub Subscriber, r *proto.Report) error {
	b := &event.Book{Kind: event.Kind{Seed: c.IsSeed()}}
	r.BeginNS = now()
	if err := sub.Run(b.See); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	r.EndNS = now()
	enter(b, r)
	if !b.Done {
		return errors.New("receive: ended before the last event")
	}
	return nil
}

func enter(b *event.Book, r *proto.Report) {
	r.Received, r.Gaps, r.Disordered, r.Corrupt = b.Received, b.Gaps, b.Disordered, b.Corrupt
}

// percentiles sums up one-way times.
func percentiles(h *hdrhistogram.Histogram) *proto.Percentiles {
	return &proto.Percentiles{
		P50: h.ValueAtQuantile(50), P90: h.ValueAtQuantile(90), P99: h.ValueAtQuantile(99),
		P999: h.ValueAtQuantile(99.9), Max: h.Max(),
	}
}

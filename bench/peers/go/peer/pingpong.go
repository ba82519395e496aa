package peer

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/rvoip/shmbus/bench/peers/go/event"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

const (
	there = 0 // links of a ping-pong
	back  = 1

	longest = int64(100 * time.Second)
	digits  = 3
)

// player is one side of a ping-pong: it sends an event for each it sees.
type player struct {
	writer event.Writer
	book   event.Book
	err    error

	pub Publisher
	sub Subscriber
	// caller is used instead of pub and sub if the peer has calls.
	caller Caller
}

func joinPingpong(c proto.Config, ends Ends) (*part, error) {
	p := &player{writer: event.Writer{Size: c.Size}}
	in, out := there, back
	work := p.pong
	if c.Role == proto.RolePing {
		in, out = back, there
		work = func(r *proto.Report) error { return p.ping(c, r) }
	}
	if caller, ok := ends.(Caller); ok {
		p.caller = caller
		return &part{c.Role, work, func() error { return nil }}, nil
	}
	var err error
	if p.sub, err = ends.Subscriber(in, 0); err != nil {
		return nil, err
	}
	if p.pub, err = ends.Publisher(out); err != nil {
		return nil, errors.Join(err, p.sub.Close())
	}
	return &part{c.Role, work, func() error { return errors.Join(p.pub.Close(), p.sub.Close()) }}, nil
}

func (p *player) send() bool {
	if p.err = p.pub.Publish(&p.writer, 1); p.err == nil {
		p.err = p.pub.Flush()
	}
	return p.err == nil
}

func (p *player) pong(r *proto.Report) error {
	r.BeginNS = now()
	see := func(e []byte) bool {
		more := p.book.See(e)
		p.writer.Last = !more
		return more
	}
	var err error
	if p.caller != nil {
		err = p.caller.Answer(&p.writer, see)
	} else {
		err = p.sub.Run(func(e []byte) bool {
			more := see(e)
			return p.send() && more
		})
	}
	return p.finish(r, err)
}

func (p *player) ping(c proto.Config, r *proto.Report) error {
	h := hdrhistogram.New(1, longest, digits)
	warm, over := after(c.WarmNS), after(c.WarmNS+c.DurationNS)
	clock := clockCost()
	start := time.Now()
	lap := func() {
		end := time.Now()
		if r.BeginNS == 0 {
			if warm.passed() {
				r.Warm, r.BeginNS = p.writer.Count(), now()
				end = time.Now()
			}
		} else {
			_ = h.RecordValue(min(max((end.Sub(start).Nanoseconds()-clock)/2, 1), longest)) // within its bounds
		}
		p.writer.Last = over.passed() && r.BeginNS != 0
		start = end
	}
	var err error
	if p.caller != nil {
		for more := true; more && err == nil; lap() {
			err = p.caller.Call(&p.writer, func(e []byte) bool { more = p.book.See(e); return more })
		}
	} else if p.send() {
		err = p.sub.Run(func(e []byte) bool {
			if !p.book.See(e) {
				return false
			}
			lap()
			return p.send()
		})
	}
	r.Latency = percentiles(h)
	return p.finish(r, err)
}

func (p *player) finish(r *proto.Report, err error) error {
	r.EndNS = now()
	r.Published = p.writer.Count()
	enter(&p.book, r)
	if err = errors.Join(err, p.err); err != nil {
		return fmt.Errorf("ping-pong: %w", err)
	}
	if !p.book.Done {
		return errors.New("ping-pong: ended before the last event")
	}
	return nil
}

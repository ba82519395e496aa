package bench

import (
	"context"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/payload"
)

// rtpEvent is a packet as the process that received it passes it on.
type rtpEvent struct{ V payload.RTP }

func (rtpEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "bench.rtp", Priority: bus.Normal}
}

// packets numbers the packets of all streams, taken in turn.
type packets struct {
	streams      uint64
	next         uint64 // packet that stream and turn are of
	stream, turn uint32
}

// fill writes packet seq, mostly the one after the packet before.
func (p *packets) fill(v *rtpEvent, seq uint64, last, sum bool) {
	if seq != p.next {
		p.next, p.stream, p.turn = seq, uint32(seq%p.streams), uint32(seq/p.streams)
	}
	payload.FillRTP(&v.V, p.stream, p.turn, last, sum)
	p.next++
	if p.stream++; uint64(p.stream) == p.streams {
		p.stream, p.turn = 0, p.turn+1
	}
}

// newRTPSource publishes copies, or fills lent slots in place and publishes them
// together, or as one pack. A static ring lends single slots, so there a batch is always copied.
func newRTPSource(b *bus.Bus, o endOptions) (source, error) {
	switch {
	case o.pack:
		ps := packets{streams: o.streams}
		return newPackSource(b, func(v []rtpEvent, seq uint64, last bool) {
			for i := range v {
				ps.fill(&v[i], seq+uint64(i), last && i == len(v)-1, o.verify)
			}
		})
	case o.static != nil || !o.lent:
		return newRTPCopies(b, o)
	}
	p, err := bus.NewPublisher[rtpEvent](b, &bus.PublisherOptions{Exclusive: true})
	if err != nil {
		return nil, err
	}
	return &rtpSource{p: p, o: o, packets: packets{streams: o.streams}, loans: make([]bus.Loan[rtpEvent], o.batch)}, nil
}

// newRTPCopies fills packets of its own and publishes copies of them.
func newRTPCopies(b *bus.Bus, o endOptions) (source, error) {
	p, err := newValuePublisher[rtpEvent](b, o)
	if err != nil {
		return nil, err
	}
	ps := packets{streams: o.streams}
	fill := func(e *rtpEvent, n payload.Note, sum bool) { ps.fill(e, n.Seq(), n.Last(), sum) }
	return &valueSource[rtpEvent]{p: p, o: o, fill: fill, values: make([]rtpEvent, o.batch)}, nil
}

type rtpSource struct {
	p       *bus.Publisher[rtpEvent]
	o       endOptions
	packets packets
	loans   []bus.Loan[rtpEvent]
}

func (s *rtpSource) put(ctx context.Context, seq uint64, n int, last bool) (int, error) {
	lent, err := s.p.LoanBatch(s.loans[:n])
	if err != nil {
		return 0, err
	}
	for i := range lent {
		s.packets.fill(s.loans[i].Value(), seq+uint64(i), last && i == n-1, s.o.verify)
	}
	done, err := s.p.PublishLoans(ctx, s.loans[:lent])
	if done < lent {
		s.p.DiscardLoans(s.loans[done:lent])
	}
	return done, err
}

func (s *rtpSource) close() error { return s.p.Close() }

func newRTPSink(b *bus.Bus, o endOptions, see seen) (sink, error) {
	read := func(v *rtpEvent) {
		n, ok := payload.ReadRTP(&v.V, o.streams, o.verify)
		see(n, ok, 0)
	}
	switch {
	case o.pack:
		return newPackSink(b, func(vs []rtpEvent, _ *bus.Event) error {
			for i := range vs {
				read(&vs[i])
			}
			return nil
		})
	case o.static != nil:
		return newStaticSink(b, o, func(v *rtpEvent) error { read(v); return nil })
	}
	return newViewSink(b, o, func(v *rtpEvent, _ *bus.Event) error { read(v); return nil })
}

package mediad

import (
	"log/slog"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
)

// outlet is where findings go: the bus, or a test.
type outlet interface {
	Quality(*events.MediaQuality) error
	Report(*events.StreamReport) error
}

// entry is a call in memory and the cell it is stored in, 0 if none.
type entry struct {
	call
	cell int
}

// server measures. It is used by one goroutine.
type server struct {
	log   *slog.Logger
	out   outlet
	store *store
	totals
	calls   map[uint64]*entry
	unsaved uint64 // calls for which the store had no cell
}

func newServer(out outlet, log *slog.Logger, s *store, t *totals, calls map[int]*call) *server {
	srv := &server{log: log, out: out, store: s, calls: make(map[uint64]*entry)}
	if t != nil {
		srv.totals = *t
	}
	for cell, c := range calls {
		srv.calls[c.Key] = &entry{call: *c, cell: cell}
	}
	srv.Starts++
	srv.saveTotals()
	return srv
}

func (s *server) saveTotals() {
	if s.store != nil {
		s.store.save(totalsCell, codec.AsBytes(&s.totals))
	}
}

func (s *server) save(c *entry) {
	if c.cell != 0 {
		s.store.save(c.cell, codec.AsBytes(&c.call))
	}
}

// event takes note of an event, in place. The record of a call is stored before the totals, which
// makes no difference: each skips on its own what it has seen.
func (s *server) event(h bus.Header, e *bus.Event) {
	if v, ok := bus.As[events.RTPPacket](e); ok {
		s.packet(h, v, e.Tail())
	} else if v, ok := bus.As[events.CallState](e); ok {
		s.callState(h, v)
	} else if v, ok := bus.As[events.StreamEnd](e); ok {
		s.streamEnd(h, v)
	} else if _, ok := bus.As[events.SIPMessage](e); ok {
		s.message(h, len(e.Tail()))
	}
}

func (s *server) callState(h bus.Header, shared *events.CallState) {
	v := *shared // read once: it lies in shared memory
	c, known := s.calls[v.Call]
	if !known {
		c = &entry{call: call{Key: v.Call, CallID: v.CallID}}
	}
	gap := uint64(0)
	if c.Marks.pass(h) {
		if v.Seq > c.Seq+1 {
			gap = uint64(v.Seq - c.Seq - 1)
		}
		c.Seq, c.State, c.Payload = v.Seq, v.State, v.Payload
	}
	if s.Marks.pass(h) {
		s.States++
		s.StateGaps += gap
		s.saveTotals()
	} else if !known {
		return // of a call that has been done with, and comes again after a kill
	}
	if !known {
		s.begin(c)
	}
	s.save(c)
	s.finish(c)
}

func (s *server) begin(c *entry) {
	s.calls[c.Key] = c
	if s.store == nil {
		return
	}
	cell, ok := s.store.take()
	if !ok {
		s.unsaved++
		return
	}
	c.cell = cell
}

// finish forgets a call when nothing more can come.
func (s *server) finish(c *entry) {
	if !c.done() {
		return
	}
	delete(s.calls, c.Key)
	if c.cell != 0 {
		s.store.give(c.cell)
	}
}

func (s *server) message(h bus.Header, size int) {
	if s.Marks.pass(h) {
		s.Messages++
		s.SIPBytes += uint64(size)
		s.saveTotals()
	}
}

func (s *server) packet(h bus.Header, shared *events.RTPPacket, tail []byte) {
	v := *shared
	c, known := s.calls[v.Call]
	if known && c.Marks.pass(h) {
		payload, ok := v.Payload(tail)
		if !ok {
			c.Undone++
		}
		c.Stream.Add(quality.Packet{Arrival: v.Arrival, SSRC: v.SSRC, Timestamp: v.Timestamp, Seq: v.Seq, Type: v.Type, Payload: payload})
		s.save(c)
	}
	if s.Marks.pass(h) {
		s.Packets++
		if !known {
			s.Unknown++
		}
		s.saveTotals()
	}
}

func (s *server) streamEnd(h bus.Header, shared *events.StreamEnd) {
	v := *shared
	c, known := s.calls[v.Call]
	missing := uint64(0)
	if known {
		if c.Marks.pass(h) {
			c.Ended.Set(true)
			s.save(c)
		}
		if v.Published > c.Stream.Received {
			missing = v.Published - c.Stream.Received
		}
		// Before the totals say that it is done: a kill in between reports twice rather than never.
		s.sent(s.out.Report(&events.StreamReport{Quality: c.quality(), Missing: missing}))
	}
	if s.Marks.pass(h) {
		s.Streams++
		s.Missing += missing
		s.saveTotals()
	}
	if known {
		s.finish(c)
	}
}

// tick publishes how live streams are doing.
func (s *server) tick() {
	for _, c := range s.calls {
		if c.Stream.Received > 0 && !c.Ended.Get() {
			s.sent(s.out.Quality(&events.MediaQuality{Quality: c.quality()}))
		}
	}
}

func (s *server) sent(err error) {
	if err != nil {
		s.Unreported++
		s.log.Error("finding not published", "err", err)
	}
}

func (c *call) quality() events.Quality {
	return events.Quality{
		Call:     c.Key,
		SSRC:     c.Stream.SSRC,
		Type:     c.Stream.Type,
		Packets:  c.Stream.Received,
		Lost:     uint64(max(0, c.Stream.Lost())),
		JitterUS: c.Stream.Jitter / 1e3,
		LevelDBm: c.Stream.Level(),
	}
}

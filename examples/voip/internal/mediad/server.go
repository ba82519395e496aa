package mediad

import (
	"log/slog"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
)

// badLoss is the share of lost packets from which on audio is bad.
const badLoss = 0.05

// outlet is where findings go: the bus, or a test.
type outlet interface {
	Quality(*events.MediaQuality) error
	Report(*events.StreamReport) error
}

// entry is a call in memory and the cell it is stored in, 0 if none.
type entry struct {
	call
	cell    int
	doubted bool // see disown
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

// event takes note of an event, in place. Each record skips on its own what it has seen. A call's is stored before the
// totals: a call that only the totals knew of would be taken for one that is done with.
func (s *server) event(h bus.Header, e *bus.Event) {
	if v, ok := bus.As[events.RTPPacket](e); ok {
		s.packet(h, v, e.Tail())
	} else if v, ok := bus.As[events.CallStateChanged](e); ok {
		s.callState(h, v)
	} else if v, ok := bus.As[events.RTPStream](e); ok {
		s.stream(h, v)
	} else if _, ok := bus.As[events.SIPMessage](e); ok {
		s.message(h, len(e.Tail()))
	}
}

// known returns the record of a call. A call that nothing is known of yet gets one, unless the event is an old one come again:
// then it is a call that has been done with.
//
// Packets may run ahead of their call's state by a hair: this process may have looked at the empty Critical lane, and been
// kept from running, just before a call came.
func (s *server) known(key uint64, fresh bool) *entry {
	c, ok := s.calls[key]
	if ok || !fresh {
		return c
	}
	c = &entry{call: call{Key: key}}
	s.calls[key] = c
	if s.store == nil {
		return c
	}
	if c.cell, ok = s.store.take(); !ok {
		s.unsaved++
	}
	return c
}

func (s *server) callState(h bus.Header, shared *events.CallStateChanged) {
	v := *shared // read once: it lies in shared memory
	fresh := s.Marks.pass(h)
	c := s.known(v.Call, fresh)
	if c == nil {
		return
	}
	if c.Marks.pass(h) {
		if v.Seq > c.Seq+1 {
			s.StateGaps += uint64(v.Seq - c.Seq - 1)
		}
		c.Ref, c.CallID, c.Seq, c.State = v.Ref, v.CallID, v.Seq, v.State
		s.save(c)
	}
	if fresh {
		s.States++
		s.saveTotals()
	}
	s.finish(c)
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
	fresh := s.Marks.pass(h)
	if c := s.known(v.Call, fresh); c != nil && c.Marks.pass(h) {
		payload, ok := v.Payload(tail)
		if !ok {
			c.Undone++
		}
		c.Stream.Add(quality.Packet{
			Arrival: v.Arrival, SSRC: v.SSRC, Timestamp: v.Timestamp, Seq: v.Seq, Type: v.PayloadType, Payload: payload,
		})
		s.save(c)
	}
	if fresh {
		s.Packets++
		s.saveTotals()
	}
}

func (s *server) stream(h bus.Header, shared *events.RTPStream) {
	v := *shared
	fresh := s.Marks.pass(h)
	if v.Kind != events.StreamEnded {
		return
	}
	c := s.known(v.Call, fresh)
	if c == nil {
		return
	}
	if c.Marks.pass(h) {
		c.Ended.Set(true)
		s.save(c)
	}
	missing := uint64(0)
	if v.Published > c.Stream.Received {
		missing = v.Published - c.Stream.Received
	}
	// Before the totals say that it is done: a kill in between reports twice rather than never.
	s.sent(s.out.Report(&events.StreamReport{Quality: c.quality(), Missing: missing}))
	if fresh {
		s.Streams++
		s.Missing += missing
		s.saveTotals()
	}
	s.finish(c)
}

// finish forgets a call when nothing more can come.
func (s *server) finish(c *entry) {
	if c.State.Final() && c.Ended.Get() {
		s.forget(c)
	}
}

func (s *server) forget(c *entry) {
	delete(s.calls, c.Key)
	if c.cell != 0 {
		s.store.give(c.cell)
	}
}

// disown gives up on streams of which no call state told, if they had the time from one tick to the next or if now is the end.
func (s *server) disown(end bool) {
	for _, c := range s.calls {
		switch {
		case c.State != 0:
		case end || c.Ended.Get() && c.doubted:
			s.Unknown += c.Stream.Received
			s.saveTotals()
			s.forget(c)
		default:
			c.doubted = c.Ended.Get()
		}
	}
}

// tick publishes how live streams are doing.
func (s *server) tick() {
	s.disown(false)
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
	q := events.Quality{
		Ref:         c.Ref,
		SSRC:        c.Stream.SSRC,
		PayloadType: c.Stream.Type,
		Packets:     c.Stream.Received,
		Lost:        uint64(max(0, c.Stream.Lost())),
		Jitter:      float32(c.Stream.JitterTime()) / 1e6,
		Level:       float32(c.Stream.Level()),
		Severity:    events.SeverityInfo,
	}
	q.Call = c.Key // its state may not have come yet
	if sent := q.Packets + q.Lost; sent > 0 {
		q.LossRate = float32(q.Lost) / float32(sent)
	}
	if q.LossRate >= badLoss {
		q.Severity = events.SeverityWarning
	}
	return q
}

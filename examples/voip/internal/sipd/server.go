package sipd

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

// stopWait is for handlers, and for answers to our BYEs, when stopping.
const stopWait = 2 * time.Second

// outlet is what the server tells of, and asks for: the bus, or a test.
type outlet interface {
	CallState(*events.CallStateChanged) error
	MediaStart(m *events.MediaStart, sdp []byte) error
	MediaStop(*events.MediaStop) error
	SIPMessage(m *events.SIPMessage, raw []byte) error
	// Expect announces interest in where a call's media is received, before it is started.
	Expect(call uint64) (port <-chan events.Addr, cancel func())
}

// Report is what the server has done.
type Report struct {
	Offered     uint64 `json:"offered"`
	Answered    uint64 `json:"answered"`
	Confirmed   uint64 `json:"confirmed"`
	Ended       uint64 `json:"ended"`
	Cancelled   uint64 `json:"cancelled"`
	Failed      uint64 `json:"failed"`
	States      uint64 `json:"states"` // call states published
	MessagesIn  uint64 `json:"messages_in"`
	MessagesOut uint64 `json:"messages_out"`
	Unpublished uint64 `json:"unpublished"` // events that the bus did not take
}

// server answers calls.
type server struct {
	out outlet
	log *slog.Logger
	dua sipgo.DialogUA

	local netip.AddrPort
	calls sync.Map // Call-ID -> *call

	mu       sync.Mutex // guards stopping against work.Add
	stopping bool
	work     sync.WaitGroup // handlers under way

	byState     [events.CallFailed + 1]atomic.Uint64
	seen        [events.Outbound + 1]atomic.Uint64
	unpublished atomic.Uint64
}

// serve answers calls on conn until ctx ends, then hangs up what is left.
func serve(
	ctx context.Context, conn *net.UDPConn, out outlet, log *slog.Logger, ready func(netip.AddrPort) error,
) (*Report, error) {
	s := &server{out: out, log: log, local: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("shmbus"),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(log)))
	if err != nil {
		return nil, fmt.Errorf("SIP user agent: %w", err)
	}
	// Not all of the user agent, which has no other socket than ours: see held.
	defer ua.TransactionLayer().Close()
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(log))
	if err != nil {
		return nil, fmt.Errorf("SIP server: %w", err)
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(log), sipgo.WithClientConnectionAddr(s.local.String()))
	if err != nil {
		return nil, fmt.Errorf("SIP client: %w", err)
	}
	s.dua = sipgo.DialogUA{Client: client, ContactHDR: sip.ContactHeader{
		Address: sip.Uri{Scheme: "sip", User: "shmbus", Host: s.local.Addr().String(), Port: int(s.local.Port())},
	}}
	srv.OnInvite(s.handle(s.onInvite))
	srv.OnAck(s.handle(s.onAck))
	srv.OnBye(s.handle(s.onBye))
	srv.OnCancel(s.handle(s.onCancel))
	srv.OnOptions(s.handle(s.onOptions))

	pool := ua.TransportLayer().Pool("udp")
	t := &tap{PacketConn: conn, see: s.see, remotes: make(map[string]struct{}), ended: func(remotes map[string]struct{}) {
		if c := pool.Get(s.local.String()); c != nil {
			for remote := range remotes {
				pool.Add(remote, &held{c})
			}
		}
	}}
	var served error
	done := make(chan struct{})
	go func() {
		defer close(done)
		served = srv.ServeUDP(t)
	}()
	end := func() {
		t.stop()
		<-done
	}
	defer end()
	if err := ready(s.local); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
	case <-done:
		err = fmt.Errorf("SIP socket: %w", cmp.Or(served, net.ErrClosed))
	}
	s.stop()
	end() // what is read is on the bus, and in the report
	return s.report(), err
}

// held is our connection under a name of its own. When its reader ends, sipgo forgets by
// which connection it knew a remote, and for a request of it that is still under way opens a
// socket, which nobody closes. What it does not know as the reader's it keeps.
type held struct{ sip.Connection }

// handle lets stop wait for a handler.
func (s *server) handle(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		s.mu.Lock()
		if s.stopping {
			s.mu.Unlock()
			if !req.IsAck() {
				s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusServiceUnavailable, "Stopping", nil))
			}
			return
		}
		s.work.Add(1)
		s.mu.Unlock()
		defer s.work.Done()
		h(req, tx)
	}
}

// stop hangs up and waits for the handlers, for a while.
func (s *server) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	var byes sync.WaitGroup
	s.calls.Range(func(id, v any) bool {
		c := v.(*call)
		byes.Go(func() {
			if c.dialog.LoadState() >= sip.DialogStateEstablished {
				s.change(c, events.CallTerminated, 0, events.CauseLocal)
				_ = c.dialog.Bye(ctx) // a caller who is gone cannot answer, and the call ends all the same
			} else {
				_ = s.refuse(c, sip.StatusServiceUnavailable, "Stopping") // likewise
			}
			s.calls.Delete(id)
		})
		return true
	})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		byes.Wait()
		s.work.Wait()
	}()
	select {
	case <-finished:
	case <-ctx.Done(): // a caller who does not acknowledge a refusal would hold it up for 32 seconds
	}
}

// change moves a call on, counts, and reports whether the state may follow the present one. The end of a
// call is that of its media.
func (s *server) change(c *call, state events.CallState, status int, cause events.Cause) bool {
	ok, err := c.to(state, status, cause)
	if ok && err == nil {
		s.byState[state].Add(1)
	}
	s.published(err, "call state")
	if ok && state.Final() && c.started() {
		stop := events.MediaStop{Ref: c.ref}
		stop.Reason.SetTruncate(state.String())
		s.published(s.out.MediaStop(&stop), "end of media")
	}
	return ok
}

// startMedia asks for a call's media, of which the caller has said so much.
func (s *server) startMedia(c *call, offer *sdp.Audio, raw []byte) {
	m := events.MediaStart{
		Ref: c.ref, Remote: events.AddrFrom(offer.Addr), Flow: events.FlowRecvOnly,
		Format: events.Format{ClockRate: 8000, PacketTime: 20, PayloadType: offer.Payload, Channels: 1},
	}
	m.Format.Name.SetTruncate(offer.Name())
	m.Tail.Second = uint32(len(raw)) // the caller's description is the remote one
	s.published(c.start(func() error { return s.out.MediaStart(&m, raw) }), "start of media")
}

// published takes note of an event that the bus did not take.
func (s *server) published(err error, what string) {
	if err != nil {
		s.unpublished.Add(1)
		s.log.Error("event not published", "event", what, "err", err)
	}
}

// see publishes a message on the wire.
func (s *server) see(d events.Direction, remote net.Addr, raw []byte) {
	m := events.SIPMessage{Direction: d, Transport: events.TransportUDP, Local: events.AddrFrom(s.local)}
	if u, ok := remote.(*net.UDPAddr); ok {
		m.Remote = events.AddrFrom(u.AddrPort())
	}
	describe(&m, raw)
	err := s.out.SIPMessage(&m, raw)
	s.published(err, "SIP message")
	if err == nil {
		s.seen[d].Add(1)
	}
}

func (s *server) report() *Report {
	r := &Report{
		Offered:     s.byState[events.CallInitiating].Load(),
		Answered:    s.byState[events.CallAnswered].Load(),
		Confirmed:   s.byState[events.CallActive].Load(),
		Ended:       s.byState[events.CallTerminated].Load(),
		Cancelled:   s.byState[events.CallCancelled].Load(),
		Failed:      s.byState[events.CallFailed].Load(),
		MessagesIn:  s.seen[events.Inbound].Load(),
		MessagesOut: s.seen[events.Outbound].Load(),
		Unpublished: s.unpublished.Load(),
	}
	for i := range s.byState {
		r.States += s.byState[i].Load()
	}
	return r
}

package sipd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

const (
	mediaWait = 3 * time.Second // for a port, before the caller gets a 503
	stopWait  = 2 * time.Second // for handlers and for answers to our BYEs, when stopping
	allow     = "INVITE, ACK, BYE, CANCEL, OPTIONS"
)

// outlet is what the server tells of, and asks for: the bus, or a test.
type outlet interface {
	CallState(*events.CallState) error
	SIPMessage(m *events.SIPMessage, raw []byte) error
	// Expect announces interest in a call's media port, before the call is offered.
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
	ua  *sipgo.UserAgent
	dua sipgo.DialogUA

	local netip.AddrPort
	calls sync.Map // Call-ID -> *call

	mu       sync.Mutex // guards stopping against work.Add
	stopping bool
	work     sync.WaitGroup // handlers under way

	byState     [events.Failed + 1]atomic.Uint64
	seen        [events.Outbound + 1]atomic.Uint64
	unpublished atomic.Uint64
}

// serve answers calls on conn until ctx ends, then hangs up what is left.
func serve(ctx context.Context, conn *net.UDPConn, out outlet, log *slog.Logger, ready func(netip.AddrPort) error) (*Report, error) {
	s := &server{out: out, log: log, local: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("shmbus"),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(log)))
	if err != nil {
		return nil, fmt.Errorf("SIP user agent: %w", err)
	}
	defer ua.Close()
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(log))
	if err != nil {
		return nil, fmt.Errorf("SIP server: %w", err)
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(log), sipgo.WithClientConnectionAddr(s.local.String()))
	if err != nil {
		return nil, fmt.Errorf("SIP client: %w", err)
	}
	s.ua = ua
	s.dua = sipgo.DialogUA{Client: client, ContactHDR: sip.ContactHeader{
		Address: sip.Uri{Scheme: "sip", User: "shmbus", Host: s.local.Addr().String(), Port: int(s.local.Port())},
	}}
	srv.OnInvite(s.handle(s.onInvite))
	srv.OnAck(s.handle(s.onAck))
	srv.OnBye(s.handle(s.onBye))
	srv.OnCancel(s.handle(s.onCancel))
	srv.OnOptions(s.handle(s.onOptions))

	done := make(chan error, 1)
	go func() { done <- srv.ServeUDP(&tap{PacketConn: conn, see: s.see}) }()
	if err := ready(s.local); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-done:
		err = fmt.Errorf("SIP socket: %w", cmpErr(err, net.ErrClosed))
	}
	s.stop()
	return s.report(), err
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

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
				s.change(c, events.Ended, 0)
				_ = c.dialog.Bye(ctx) // a caller who is gone cannot answer, and the call ends all the same
			} else {
				s.refuse(c, sip.StatusServiceUnavailable, "Stopping")
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

func (s *server) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.CallID() == nil || req.To() == nil {
		s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusBadRequest, "Bad Request", nil))
		return
	}
	if req.To().Params.Has("tag") {
		// Inside a call. Nothing about its audio is open to negotiation, and the call goes on as it is.
		s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil))
		return
	}
	dialog, err := s.dua.ReadInvite(req, tx)
	if err != nil {
		s.log.Warn("INVITE refused", "err", err)
		s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusBadRequest, "Bad Request", nil))
		return
	}
	id := req.CallID().Value()
	c := newCall(id, s.out.CallState)
	c.dialog = dialog
	if _, known := s.calls.LoadOrStore(id, c); known {
		s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusLoopDetected, "Loop Detected", nil))
		return
	}
	if err := s.answer(c, req); err != nil {
		s.log.Warn("call not answered", "call", id, "err", err)
		s.calls.Delete(id)
	}
}

// answer takes a call from its offer to the ACK.
func (s *server) answer(c *call, req *sip.Request) error {
	offer, notAcceptable := sdp.Parse(req.Body())
	c.media(offer.Payload, events.AddrFrom(offer.Addr))
	port, cancel := s.out.Expect(c.key)
	defer cancel()
	s.change(c, events.Offered, 0)
	if notAcceptable != nil {
		return errors.Join(notAcceptable, s.refuse(c, sip.StatusNotAcceptableHere, "Not Acceptable Here"))
	}
	if err := c.dialog.Respond(sip.StatusTrying, "Trying", nil); err != nil {
		return s.lost(c, err)
	}
	s.change(c, events.Ringing, sip.StatusRinging)
	if err := c.dialog.Respond(sip.StatusRinging, "Ringing", nil); err != nil {
		return s.lost(c, err)
	}

	timeout := time.NewTimer(mediaWait)
	defer timeout.Stop()
	var local events.Addr
	select {
	case local = <-port:
	case <-timeout.C:
	case <-c.dialog.Context().Done():
		return s.lost(c, context.Cause(c.dialog.Context()))
	}
	if local.Port == 0 {
		return errors.Join(errors.New("no media port: is rtpd running?"),
			s.refuse(c, sip.StatusServiceUnavailable, "No Media"))
	}

	s.change(c, events.Answered, sip.StatusOK)
	answer := sdp.Audio{Addr: local.AddrPort(), Payload: offer.Payload}
	if err := c.dialog.RespondSDP(answer.Body(c.key, "recvonly")); err != nil {
		return s.lost(c, err)
	}
	return nil
}

// refuse ends a call that is not answered.
func (s *server) refuse(c *call, status int, reason string) error {
	if !s.change(c, events.Failed, status) {
		return nil // it has been refused, or cancelled, meanwhile
	}
	return c.dialog.Respond(status, reason, nil)
}

// lost ends a call that broke off: the caller cancelled it, or never acknowledged the answer.
func (s *server) lost(c *call, err error) error {
	if errors.Is(err, sip.ErrTransactionCanceled) {
		s.change(c, events.Cancelled, sip.StatusRequestTerminated)
		return err
	}
	s.change(c, events.Failed, sip.StatusRequestTimeout)
	return err
}

func (s *server) onAck(req *sip.Request, tx sip.ServerTransaction) {
	c := s.find(req)
	if c == nil {
		return
	}
	// Published first: the audio may follow the ACK at once.
	s.change(c, events.Confirmed, 0)
	if err := c.dialog.ReadAck(req, tx); err != nil {
		s.log.Warn("ACK", "call", req.CallID().Value(), "err", err)
	}
}

func (s *server) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := s.find(req)
	if c == nil {
		s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil))
		return
	}
	s.change(c, events.Ended, 0)
	if err := c.dialog.ReadBye(req, tx); err != nil {
		s.log.Warn("BYE", "call", req.CallID().Value(), "err", err)
	}
	s.calls.Delete(req.CallID().Value())
}

// onCancel answers a CANCEL that matches no INVITE; sipgo handles the others.
func (s *server) onCancel(req *sip.Request, tx sip.ServerTransaction) {
	s.respond(tx, sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil))
}

func (s *server) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
	res.AppendHeader(sip.NewHeader("Allow", allow))
	res.AppendHeader(sip.NewHeader("Accept", sdp.ContentType))
	s.respond(tx, res)
}

func (s *server) find(req *sip.Request) *call {
	if req.CallID() == nil {
		return nil
	}
	v, ok := s.calls.Load(req.CallID().Value())
	if !ok {
		return nil
	}
	return v.(*call)
}

func (s *server) respond(tx sip.ServerTransaction, res *sip.Response) {
	if err := tx.Respond(res); err != nil {
		s.log.Warn("response not sent", "status", res.StatusCode, "err", err)
	}
}

// change moves a call on, counts, and reports whether the state may follow the present one.
func (s *server) change(c *call, state events.State, status int) bool {
	ok, err := c.to(state, status)
	switch {
	case err != nil:
		s.unpublished.Add(1)
		s.log.Error("call state not published", "state", state, "err", err)
	case ok:
		s.byState[state].Add(1)
	}
	return ok
}

// see publishes a message on the wire.
func (s *server) see(d events.Direction, remote net.Addr, raw []byte) {
	m := events.SIPMessage{Direction: d}
	if u, ok := remote.(*net.UDPAddr); ok {
		m.Remote = events.AddrFrom(u.AddrPort())
	}
	describe(&m, raw)
	if err := s.out.SIPMessage(&m, raw); err != nil {
		s.unpublished.Add(1)
		s.log.Error("SIP message not published", "err", err)
		return
	}
	s.seen[d].Add(1)
}

func (s *server) report() *Report {
	r := &Report{
		Offered:     s.byState[events.Offered].Load(),
		Answered:    s.byState[events.Answered].Load(),
		Confirmed:   s.byState[events.Confirmed].Load(),
		Ended:       s.byState[events.Ended].Load(),
		Cancelled:   s.byState[events.Cancelled].Load(),
		Failed:      s.byState[events.Failed].Load(),
		MessagesIn:  s.seen[events.Inbound].Load(),
		MessagesOut: s.seen[events.Outbound].Load(),
		Unpublished: s.unpublished.Load(),
	}
	for i := range s.byState {
		r.States += s.byState[i].Load()
	}
	return r
}

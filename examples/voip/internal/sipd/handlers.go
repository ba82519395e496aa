package sipd

import (
	"context"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

const (
	mediaWait = 3 * time.Second // for a port, before the caller gets a 503
	allow     = "INVITE, ACK, BYE, CANCEL, OPTIONS"
)

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
	s.change(c, events.CallInitiating, 0, 0)
	if notAcceptable != nil {
		return errors.Join(notAcceptable, s.refuse(c, sip.StatusNotAcceptableHere, "Not Acceptable Here"))
	}
	port, cancel := s.out.Expect(c.ref.Call)
	defer cancel()
	s.startMedia(c, &offer, req.Body())
	if err := c.dialog.Respond(sip.StatusTrying, "Trying", nil); err != nil {
		return s.lost(c, err)
	}
	s.change(c, events.CallRinging, sip.StatusRinging, 0)
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

	s.change(c, events.CallAnswered, sip.StatusOK, 0)
	answer := sdp.Audio{Addr: local.AddrPort(), Payload: offer.Payload}
	if err := c.dialog.RespondSDP(answer.Body(c.ref.Call, "recvonly")); err != nil {
		return s.lost(c, err)
	}
	return nil
}

// refuse ends a call that is not answered.
func (s *server) refuse(c *call, status int, reason string) error {
	if !s.change(c, events.CallFailed, status, events.CauseRejected) {
		return nil // it has been refused, or cancelled, meanwhile
	}
	return c.dialog.Respond(status, reason, nil)
}

// lost ends a call that broke off: the caller cancelled it, or never acknowledged the answer.
func (s *server) lost(c *call, err error) error {
	if errors.Is(err, sip.ErrTransactionCanceled) {
		s.change(c, events.CallCancelled, sip.StatusRequestTerminated, events.CauseRemote)
		return err
	}
	s.change(c, events.CallFailed, sip.StatusRequestTimeout, events.CauseTimeout)
	return err
}

func (s *server) onAck(req *sip.Request, tx sip.ServerTransaction) {
	c := s.find(req)
	if c == nil {
		return
	}
	// Published first: the audio may follow the ACK at once.
	s.change(c, events.CallActive, 0, 0)
	if err := c.dialog.ReadAck(req, tx); err != nil {
		s.log.Warn("ACK", "call", req.CallID().Value(), "err", err)
	}
}

func (s *server) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := s.find(req)
	if c == nil {
		s.respond(tx, noCall(req))
		return
	}
	s.change(c, events.CallTerminated, 0, events.CauseRemote)
	if err := c.dialog.ReadBye(req, tx); err != nil {
		s.log.Warn("BYE", "call", req.CallID().Value(), "err", err)
	}
	s.calls.Delete(req.CallID().Value())
}

// onCancel answers a CANCEL that matches no INVITE; sipgo handles the others.
func (s *server) onCancel(req *sip.Request, tx sip.ServerTransaction) {
	s.respond(tx, noCall(req))
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

func noCall(req *sip.Request) *sip.Response {
	return sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist", nil)
}

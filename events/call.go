package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// CallState is what a call is doing.
//
//	Initiating ──► Ringing ──► Answered ──► Active ──► Terminating ──► Terminated
//	    │        (EarlyMedia)     │         │    ▲
//	    │             │           │         ▼    │
//	    └─────────────┴───────────┴────►  OnHold, Transferring
//	          Cancelled, Failed
type CallState uint8

// The states of a call. The last three are final.
const (
	CallInitiating   CallState = iota + 1 // INVITE has been sent or has arrived
	CallRinging                           // 180
	CallEarlyMedia                        // 183 with SDP
	CallAnswered                          // 200, no ACK yet
	CallActive                            // ACK
	CallOnHold                            // by either side
	CallTransferring                      // REFER is under way
	CallTerminating                       // BYE has been sent, or cleaning up
	CallTerminated                        // it was answered, and is over
	CallCancelled                         // CANCEL before the answer
	CallFailed                            // refused or broken off; Status and Cause say why
)

func (s CallState) String() string {
	return nameOf("call state", []string{"unspecified", "initiating", "ringing", "early media", "answered", "active", "on hold",
		"transferring", "terminating", "terminated", "cancelled", "failed"}, uint8(s))
}

// Final reports whether nothing follows s.
func (s CallState) Final() bool { return s >= CallTerminated && s <= CallFailed }

// Cause is why a call ended.
type Cause uint8

// The causes.
const (
	CauseLocal     Cause = iota + 1 // this side hung up
	CauseRemote                     // the other side hung up
	CauseRejected                   // refused; Status says with what
	CauseTimeout                    // nobody answered, or the session timer of RFC 4028 ran out
	CauseTransport                  // no way to the other side
	CauseError                      // anything else; Reason says what
)

func (c Cause) String() string {
	return nameOf("cause", []string{"unspecified", "local", "remote", "rejected", "timeout", "transport", "error"}, uint8(c))
}

// IncomingCall is an INVITE that begins a call. The tail is the SDP offer and then header
// lines of the INVITE; Tail says where they lie.
type IncomingCall struct {
	Ref
	Tail      Split
	CallID    CallID
	From      URI
	To        URI
	Contact   URI
	Dialog    DialogID
	ID        TransactionID // for the answer
	Source    Addr
	Transport Transport
}

// EventType implements [bus.EventTyper].
func (IncomingCall) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.incoming-call", Priority: bus.Critical}
}

// CallStateChanged says that a call changed its state. The tail is the SDP that came with
// it, if any.
type CallStateChanged struct {
	Ref
	Seq      uint32 // 1 for the first of a call, then 2, 3: a gap is a lost event
	Status   uint16 // of the SIP response that brought it about, 0 if none did
	State    CallState
	Previous CallState
	CallID   CallID
	Reason   codec.String64
	Cause    Cause
	Role     Role
}

// EventType implements [bus.EventTyper].
func (CallStateChanged) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.call-state-changed", Priority: bus.Critical}
}

// Action is what a CallCommand asks for.
type Action uint8

// What the session layer asks of the dialog layer.
const (
	ActionInitiate       Action = iota + 1 // call To
	ActionProgress                         // answer with Status 1xx
	ActionAccept                           // answer with 200 and the SDP
	ActionReject                           // answer with Status 4xx to 6xx
	ActionRedirect                         // answer with Status 3xx to To
	ActionCancel                           // give up a call that is not answered
	ActionTerminate                        // hang up
	ActionHold                             // re-INVITE or UPDATE
	ActionResume                           // likewise
	ActionUpdate                           // likewise, with the SDP
	ActionTransfer                         // REFER to To
	ActionAcceptTransfer                   // answer a REFER with 202
	ActionRejectTransfer                   // answer a REFER with Status
	ActionBind                             // Session belongs to Dialog
)

func (a Action) String() string {
	return nameOf("action", []string{"unspecified", "initiate", "progress", "accept", "reject", "redirect", "cancel", "terminate",
		"hold", "resume", "update", "transfer", "accept transfer", "reject transfer", "bind"}, uint8(a))
}

// CallCommand is what the session layer asks of the dialog layer. The tail is SDP and then
// header lines; Tail says where they lie. As a request it is answered by a
// CallReply.
type CallCommand struct {
	Ref
	Tail     Split
	CallID   CallID
	From     URI
	To       URI // also the target of a transfer or redirection
	Dialog   DialogID
	ID       TransactionID // of the request that is answered
	Status   uint16
	Reason   codec.String64
	Action   Action
	Transfer TransferKind
}

// EventType implements [bus.EventTyper].
func (CallCommand) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.call-command", Priority: bus.Critical}
}

// CallReply is what became of a CallCommand. The tail is the other side's SDP, if any.
type CallReply struct {
	Ref
	CallID CallID
	Dialog DialogID
	Reason codec.String64
	Status uint16 // of SIP, 0 if nothing was sent
	OK     codec.Bool
}

// EventType implements [bus.EventTyper].
func (CallReply) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.call-reply", Priority: bus.Critical}
}

package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// DialogState is where a dialog is.
type DialogState uint8

// The states of a dialog.
const (
	DialogInitial DialogState = iota + 1
	DialogEarly
	DialogConfirmed
	DialogRecovering // the other side does not answer; it is being tried again
	DialogTerminated
)

func (s DialogState) String() string {
	return nameOf("dialog state", []string{"unspecified", "initial", "early", "confirmed", "recovering", "terminated"}, uint8(s))
}

// DialogKind is what a DialogEvent tells.
type DialogKind uint8

// What the dialog layer tells of a dialog.
const (
	DialogCreated       DialogKind = iota + 1
	DialogStateChanged             // State and Previous
	DialogProgress                 // Status 1xx arrived
	DialogEarlyMedia               // Status 1xx with the SDP in the tail
	DialogResponse                 // any other response; the tail is the SDP
	DialogRequestFailed            // Status 4xx to 6xx to a request within the dialog
	DialogReinvite                 // re-INVITE or UPDATE arrived; the tail is its SDP
	DialogGlare                    // 491: both sides asked at the same time
	DialogAckSent                  // ACK to a 2xx; the tail is the SDP agreed on
	DialogAckReceived              // likewise
	DialogAuthRequired             // 401 or 407; the tail is the challenge
	DialogRedirected               // 3xx; the tail is the Contact headers, best first
	DialogRefreshed                // session timer of RFC 4028; Expires says until when
	DialogRefreshFailed            // likewise; the dialog ends
	DialogQuery                    // OPTIONS within or without a dialog
	DialogError                    // Reason says what, Code is the layer's own
)

func (k DialogKind) String() string {
	return nameOf("dialog event", []string{"unspecified", "created", "state changed", "progress", "early media", "response",
		"request failed", "re-invite", "glare", "ack sent", "ack received", "auth required", "redirected", "refreshed",
		"refresh failed", "query", "error"}, uint8(k))
}

// DialogEvent is what happens to a dialog. What the tail is depends on Kind.
type DialogEvent struct {
	Ref
	CallID   CallID
	Dialog   DialogID
	ID       TransactionID // to be answered, or answered
	Status   uint16
	Expires  uint32 // seconds
	Code     uint32
	Reason   codec.String64
	Kind     DialogKind
	State    DialogState
	Previous DialogState
	Role     Role
}

// EventType implements [bus.EventTyper].
func (DialogEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.dialog-event", Priority: bus.Critical}
}

// TransferKind is how a call is transferred.
type TransferKind uint8

// The kinds of transfer.
const (
	TransferBlind    TransferKind = iota + 1
	TransferAttended              // takes the place of another dialog: Replaces
)

func (k TransferKind) String() string {
	return nameOf("transfer", []string{"unspecified", "blind", "attended"}, uint8(k))
}

// TransferState is how far a transfer is.
type TransferState uint8

// The states of a transfer.
const (
	TransferRequested TransferState = iota + 1 // REFER arrived, or was sent
	TransferTrying
	TransferRinging
	TransferSucceeded
	TransferFailed // Status says why
)

func (s TransferState) String() string {
	return nameOf("transfer state", []string{"unspecified", "requested", "trying", "ringing", "succeeded", "failed"}, uint8(s))
}

// TransferEvent is a transfer that is asked for, and its progress.
type TransferEvent struct {
	Ref
	Target     URI
	ReferredBy URI
	Replaces   CallID // and tags, of the dialog that is replaced
	Dialog     DialogID
	ID         TransactionID // to be answered
	Status     uint16
	Kind       TransferKind
	State      TransferState
}

// EventType implements [bus.EventTyper].
func (TransferEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.transfer-event", Priority: bus.Critical}
}

// LifecycleState is how far a part of the switch is on its way out.
type LifecycleState uint8

// The states of a part of the switch.
const (
	LifecycleStarted    LifecycleState = iota + 1
	LifecycleRequested                 // it is asked to end
	LifecycleReady                     // it has nothing in hand any more
	LifecycleNow                       // it is told to end at once
	LifecycleEnded                     // it has
	LifecycleCleanedUp                 // it holds nothing of the call any more
	LifecycleAllStopped                // all parts have ended
)

func (s LifecycleState) String() string {
	return nameOf("lifecycle", []string{"unspecified", "started", "requested", "ready", "now", "ended", "cleaned up",
		"all stopped"}, uint8(s))
}

// Lifecycle is how the parts of a switch start and stop together, and how they clean up
// after a call (Ref says which; no call: the whole part).
type Lifecycle struct {
	Ref
	Component codec.String32
	Reason    codec.String64
	State     LifecycleState
}

// EventType implements [bus.EventTyper].
func (Lifecycle) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.lifecycle", Priority: bus.Critical}
}

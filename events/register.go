package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// RegisterKind is what a Register tells.
type RegisterKind uint8

// What may be said of a registration.
const (
	RegisterRequest   RegisterKind = iota + 1 // REGISTER arrived; the tail is its Authorization
	RegisterResponse                          // answer it with Status; the tail is WWW-Authenticate, then other headers
	RegisterSend                              // register Contact for To
	RegisterRemove                            // and take that back
	RegisterSucceeded                         // the registrar has accepted it for Expires seconds
	RegisterFailed                            // it has not; Status says why
	RegisterExpired                           // a binding ran out
)

func (k RegisterKind) String() string {
	return nameOf("register", []string{"unspecified", "request", "response", "send", "remove", "succeeded", "failed", "expired"}, uint8(k))
}

// Register is a registration: one that came, its answer, or one of our own. Its key is
// AORKey of To, so that what concerns one user keeps its order.
type Register struct {
	Ref
	Tail      Split
	CallID    CallID
	From      URI
	To        URI // the address of record
	Contact   URI
	ID        TransactionID
	Source    Addr
	Expires   uint32 // seconds, 0 to end it
	Status    uint16
	Kind      RegisterKind
	Transport Transport
}

// EventType implements [bus.EventTyper].
func (Register) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.register", Priority: bus.High}
}

// NotifyKind is what a Notification tells.
type NotifyKind uint8

// What may be said of a subscription of RFC 6665, and of what is told by it.
const (
	NotifySubscribed NotifyKind = iota + 1 // SUBSCRIBE arrived
	NotifyAccepted                         // ours was accepted
	NotifyFailed                           // ours was not; Status says why
	NotifyReceived                         // NOTIFY arrived; the tail is its body
	NotifyPublish                          // the state of To has changed; the tail is the body of the NOTIFY to send
	NotifyTerminated                       // the subscription is over
)

func (k NotifyKind) String() string {
	return nameOf("notification", []string{"unspecified", "subscribed", "accepted", "failed", "received", "publish", "terminated"}, uint8(k))
}

// Notification is what concerns a subscription to an event package of SIP: presence, a
// dialog's state, waiting messages.
type Notification struct {
	Ref
	Dialog  DialogID
	From    URI
	To      URI
	Package codec.String32 // "presence", "dialog", "message-summary"
	State   codec.String16 // Subscription-State: "active"
	Reason  codec.String64
	Expires uint32 // seconds
	Status  uint16
	Kind    NotifyKind
}

// EventType implements [bus.EventTyper].
func (Notification) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.notification", Priority: bus.High}
}

// MessageKind is what a TextMessage tells.
type MessageKind uint8

// What may be said of a MESSAGE of RFC 3428.
const (
	MessageReceived MessageKind = iota + 1
	MessageSend
	MessageDelivered
	MessageFailed // Status says why
)

func (k MessageKind) String() string {
	return nameOf("message", []string{"unspecified", "received", "send", "delivered", "failed"}, uint8(k))
}

// TextMessage is a MESSAGE of SIP, in a dialog or on its own. The tail is its body.
type TextMessage struct {
	Ref
	From        URI
	To          URI
	ContentType codec.String64
	ID          TransactionID
	Status      uint16
	Kind        MessageKind
}

// EventType implements [bus.EventTyper].
func (TextMessage) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.text-message", Priority: bus.High}
}

// DTMFSource is how digits travel.
type DTMFSource uint8

// The ways of digits.
const (
	DTMFEvent  DTMFSource = iota + 1 // telephone-event packets of RFC 4733
	DTMFInfo                         // SIP INFO
	DTMFInBand                       // tones in the audio
)

func (s DTMFSource) String() string {
	return nameOf("dtmf", []string{"unspecified", "telephone-event", "info", "in-band"}, uint8(s))
}

// DTMF is digits that were received, or that are to be sent.
type DTMF struct {
	Ref
	Digits    codec.String32 // 0 to 9, *, #, A to D
	Duration  uint16         // of each, milliseconds
	Gap       uint16         // between two that are sent, milliseconds
	Volume    int8           // dBm0
	Source    DTMFSource
	Direction Direction
}

// EventType implements [bus.EventTyper].
func (DTMF) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.dtmf", Priority: bus.High}
}

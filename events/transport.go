package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Side is which side of a transaction this host is.
type Side uint8

// The sides of a transaction.
const (
	SideClient Side = iota + 1 // sent the request
	SideServer                 // received it
)

func (s Side) String() string {
	return nameOf("side", []string{"unspecified", "client", "server"}, uint8(s))
}

// TransactionID names a transaction, as RFC 3261 17.1.3 and 17.2.3 match messages to
// it. The transaction that a CANCEL is for has the CANCEL's branch and the
// method INVITE.
type TransactionID struct {
	Branch codec.String64 // of the topmost Via; one longer than 62 bytes is cut
	Method Method         // of the request; of an ACK to a final response other than 2xx, INVITE
	Side   Side
}

// SIPMessage is a SIP message on the wire, one that came or one that is to be
// sent. The tail is the message: start line, headers and body.
type SIPMessage struct {
	Call      uint64 // CallKey of its Call-ID, 0 if it has none
	Length    uint32 // of the whole message: a tail that was too long for the lane has been cut
	CSeq      uint32
	ID        TransactionID
	Local     Addr
	Remote    Addr
	Status    uint16 // 0 in a request
	Direction Direction
	Transport Transport
}

// EventType implements [bus.EventTyper].
func (SIPMessage) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.sip-message", Priority: bus.High, Also: []bus.Priority{bus.Critical}}
}

// Urgency is the priority to publish the message with, as bus.With.Priority: Critical for
// the requests that end or confirm what is under way (ACK, BYE, CANCEL), so
// that a flood of INVITEs does not hold them up; High for all others. Whoever wants all
// messages of a call in order publishes them all on High.
func (m *SIPMessage) Urgency() bus.Priority {
	if m.Status != 0 {
		return bus.High
	}
	switch m.ID.Method {
	case MethodAck, MethodBye, MethodCancel:
		return bus.Critical
	}
	return bus.High
}

// TransportKind is what a TransportEvent tells.
type TransportKind uint8

// What a transport tells of itself.
const (
	TransportError            TransportKind = iota + 1 // a message could not be sent or read; the transport goes on
	TransportOpened                                    // it is bound and receives
	TransportClosed                                    // it receives no more
	TransportConnectionOpened                          // TCP, TLS, WebSocket: a peer
	TransportConnectionClosed                          // and its loss
	TransportKeepAlive                                 // the pong of RFC 5626
)

func (k TransportKind) String() string {
	return nameOf("transport event", []string{"unspecified", "error", "opened", "closed", "connection opened",
		"connection closed", "keep-alive"}, uint8(k))
}

// TransportEvent is an error of a SIP transport, or a change of it or of one of its
// connections. The tail may hold more about the error.
type TransportEvent struct {
	Call      uint64 // of the message that failed, 0 if there is none
	Code      uint32 // errno, 0 if there is none
	Local     Addr
	Remote    Addr
	ID        TransactionID // of the message that failed, zero if there is none
	Reason    codec.String64
	Kind      TransportKind
	Transport Transport
}

// EventType implements [bus.EventTyper].
func (TransportEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.transport-event", Priority: bus.High}
}

package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// TransactionState is where a transaction is in the machines of RFC 3261 17.
type TransactionState uint8

// The states of transactions.
const (
	TransactionInitial TransactionState = iota + 1
	TransactionCalling
	TransactionTrying
	TransactionProceeding
	TransactionCompleted
	TransactionConfirmed
	TransactionTerminated
)

func (s TransactionState) String() string {
	return nameOf("transaction state", []string{"unspecified", "initial", "calling", "trying", "proceeding", "completed",
		"confirmed", "terminated"}, uint8(s))
}

// TransactionKind is what a TransactionEvent tells.
type TransactionKind uint8

// What the transaction layer tells its user. Those with a message have it as tail.
const (
	TransactionStateChanged    TransactionKind = iota + 1 // State and Previous
	TransactionRequest                                    // a request that began it; the tail is the request
	TransactionAck                                        // an ACK, to a 2xx or to another final response
	TransactionCancel                                     // a CANCEL for this INVITE transaction
	TransactionProvisional                                // a response 1xx arrived
	TransactionSuccess                                    // a response 2xx arrived; NeedAck says what is left to do
	TransactionFailure                                    // a response 3xx to 6xx arrived
	TransactionProvisionalSent                            // a response 1xx has been sent
	TransactionFinalSent                                  // a final response has been sent
	TransactionTimeout                                    // Timer says which timer: B, F, H
	TransactionAckTimeout                                 // no ACK came for a final response
	TransactionTransportError                             // the transport could not send
	TransactionError                                      // Reason says what
	TransactionStrayRequest                               // a request that fits no transaction
	TransactionStrayResponse                              // likewise a response
	TransactionStrayAck                                   // likewise an ACK
	TransactionStrayCancel                                // likewise a CANCEL; it has been answered with 481
	TransactionTimer                                      // a timer has fired, and the transaction goes on
	TransactionEnded                                      // its end: nothing more comes
)

func (k TransactionKind) String() string {
	return nameOf("transaction event", []string{"unspecified", "state changed", "request", "ack", "cancel", "provisional",
		"success", "failure", "provisional sent", "final sent", "timeout", "ack timeout", "transport error", "error",
		"stray request", "stray response", "stray ack", "stray cancel", "timer", "ended"}, uint8(k))
}

// TransactionEvent is what the transaction layer tells its user. The tail is the SIP
// message that it is about, if it is about one.
type TransactionEvent struct {
	Call     uint64
	CSeq     uint32
	Status   uint16 // of the response, 0 without
	ID       TransactionID
	Remote   Addr
	Reason   codec.String64
	Kind     TransactionKind
	State    TransactionState
	Previous TransactionState
	Timer    uint8 // 'A' to 'K', 0 without
	NeedAck  codec.Bool
}

// EventType implements [bus.EventTyper].
func (TransactionEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.transaction-event", Priority: bus.High}
}

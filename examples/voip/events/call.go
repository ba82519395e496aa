package events

import (
	"net/netip"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// CallKey returns the key of a call: what its events carry in their header, and
// how programs name it among themselves.
func CallKey(callID string) uint64 { return codec.Hash(callID) }

// State is what a call is doing.
//
//	Offered ──► Ringing ──► Answered ──► Confirmed ──► Ended
//	   │           │            │
//	   └───────────┴────────────┴──► Cancelled, Failed
type State uint8

// States of a call. The last three are final.
const (
	Offered   State = iota + 1 // INVITE arrived; media is being set up
	Ringing                    // 180 sent
	Answered                   // 200 sent, with our SDP
	Confirmed                  // ACK arrived
	Ended                      // BYE arrived and was answered
	Cancelled                  // CANCEL arrived before the answer
	Failed                     // refused or broken off; CallState.Status says why
)

var stateNames = [...]string{"invalid", "offered", "ringing", "answered", "confirmed", "ended", "cancelled", "failed"}

// String returns the state's name, and "invalid" for a number that is none.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return stateNames[0]
	}
	return stateNames[s]
}

// Final reports whether nothing follows s.
func (s State) Final() bool { return s >= Ended }

// Addr is an IPv4 address and port in a form that can cross the bus.
type Addr struct {
	IP   [4]uint8
	Port uint16
}

// AddrFrom returns a as an Addr, and the zero Addr if a is not IPv4.
func AddrFrom(a netip.AddrPort) Addr {
	ip := a.Addr().Unmap()
	if !ip.Is4() {
		return Addr{}
	}
	return Addr{IP: ip.As4(), Port: a.Port()}
}

// AddrPort returns a in the standard library's form.
func (a Addr) AddrPort() netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4(a.IP), a.Port) }

// CallState says that a call changed its state.
type CallState struct {
	CallID  codec.String128 // as in SIP; cut if longer
	Call    uint64          // CallKey of the full Call-ID
	Seq     uint32          // 1 for the first event of a call, then 2, 3: a gap is a lost event
	Status  uint16          // SIP status that brought the state about, 0 if none did
	State   State
	Payload uint8 // RTP payload type agreed on: 0 PCMU, 8 PCMA
	Media   Addr  // where the caller says its audio is
}

// EventType implements [bus.EventTyper].
func (CallState) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.call-state", Priority: bus.Critical}
}

// MediaPort answers the Offered state of a call: audio is received at Local from
// now on. An invalid Local (port 0) means that there is no port to be had.
type MediaPort struct {
	Call  uint64
	Local Addr
}

// EventType implements [bus.EventTyper].
func (MediaPort) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.media-port", Priority: bus.Critical}
}

// Direction is which way a SIP message went.
type Direction uint8

// Directions, as seen from the switch.
const (
	Inbound Direction = iota + 1
	Outbound
)

// SIPMessage is a SIP message on the wire, retransmissions included. The tail
// holds its bytes.
type SIPMessage struct {
	Call      uint64 // 0 if the message has no Call-ID
	Length    uint32 // of the whole message: the tail may have been cut
	Remote    Addr
	Direction Direction
	Status    uint16 // 0 in a request
	Method    codec.String16
}

// EventType implements [bus.EventTyper].
func (SIPMessage) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.sip-message", Priority: bus.High}
}

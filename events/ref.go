package events

import (
	"fmt"
	"net/netip"

	"github.com/rvoip/shmbus/codec"
)

// SessionID is the session layer's name of a call: "session-" and a UUID, 44 bytes.
type SessionID = codec.String48

// DialogID is the dialog layer's name of a dialog, a UUID.
type DialogID = codec.String48

// CallID is the Call-ID of SIP, up to 126 bytes. One that is longer is cut; its
// key is that of the whole.
type CallID = codec.String128

// URI is a SIP address, up to 126 bytes.
type URI = codec.String128

// CallKey returns the key of a call: what all of its events carry in their header
// (bus.With.Key) and in Ref.Call. So they take the same shard of each priority
// and keep their order there.
func CallKey(callID string) uint64 { return codec.Hash(callID) }

// AORKey returns the key of what concerns an address of record rather than a
// call: registrations, subscriptions and messages outside of dialogs.
func AORKey(aor string) uint64 { return codec.Hash(aor) }

// Ref says which call an event belongs to.
type Ref struct {
	Call    uint64    // CallKey of its Call-ID, 0 if the event belongs to no call
	Session SessionID // empty where the session is not known: below the session layer
}

// NewRef returns the Ref of a call. A session longer than 46 bytes is a
// *codec.TooLongError.
func NewRef(callID, session string) (Ref, error) {
	r := Ref{Call: CallKey(callID)}
	if err := r.Session.Set(session); err != nil {
		return Ref{}, fmt.Errorf("session %.16q: %w", session, err)
	}
	return r, nil
}

// Addr is an IP address and a port, 18 bytes. The zero value stands for none.
type Addr struct {
	IP   [16]uint8 // IPv4 as ::ffff:a.b.c.d
	Port uint16
}

// AddrFrom returns a as an Addr, without its zone if it has one. An invalid a
// gives the zero Addr.
func AddrFrom(a netip.AddrPort) Addr {
	if !a.IsValid() {
		return Addr{}
	}
	return Addr{IP: a.Addr().As16(), Port: a.Port()}
}

// IsValid reports whether a stands for an address.
func (a Addr) IsValid() bool { return a != Addr{} }

// AddrPort returns a in the standard library's form, IPv4 as such; the zero
// AddrPort if a stands for none.
func (a Addr) AddrPort() netip.AddrPort {
	if !a.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.IP).Unmap(), a.Port)
}

// String returns "192.0.2.1:5060", "[2001:db8::1]:5060", or "none".
func (a Addr) String() string {
	if !a.IsValid() {
		return "none"
	}
	return a.AddrPort().String()
}

// Split says where the two parts of a tail lie, for events that carry two: SDP and
// header lines, say. Nothing stands between them.
type Split struct {
	First  uint32 // bytes of the first part
	Second uint32 // bytes of the second part, behind the first
}

// Join appends both parts to dst, a tail, and takes note of their lengths. Pass
// dst[:0] to reuse memory.
func (s *Split) Join(dst, first, second []byte) []byte {
	s.First, s.Second = uint32(len(first)), uint32(len(second))
	return append(append(dst, first...), second...)
}

// Of returns the parts of tail, in place. It is not ok if they do not lie within: event
// and tail come from shared memory.
func (s Split) Of(tail []byte) (first, second []byte, ok bool) {
	a, b := uint64(s.First), uint64(s.First)+uint64(s.Second)
	if b > uint64(len(tail)) {
		return nil, nil, false
	}
	return tail[:a:a], tail[a:b:b], true
}

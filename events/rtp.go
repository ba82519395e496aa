package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// RTPPacket is a packet that arrived. The tail is the packet as it was on the wire,
// header included; Payload tells where its content lies.
type RTPPacket struct {
	Call        uint64
	Arrival     int64 // bus.Now when it was read from the socket
	SSRC        uint32
	Timestamp   uint32
	Seq         uint16
	PayloadType uint8
	Marker      codec.Bool
	Offset      uint16 // of the payload in the tail
	Length      uint16 // of the payload, without padding
}

// EventType implements [bus.EventTyper].
func (RTPPacket) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.rtp-packet", Priority: bus.Normal}
}

// Payload returns the content of the packet in tail. Both the event and the tail come
// from shared memory, so what does not fit is not ok rather than a panic.
func (p *RTPPacket) Payload(tail []byte) (payload []byte, ok bool) {
	from, to := int(p.Offset), int(p.Offset)+int(p.Length)
	if to > len(tail) {
		return nil, false
	}
	return tail[from:to:to], true
}

// RTPSend is a packet that is to be sent. It is a type of its own, so that who sends
// packets does not see those that arrive, and the other way round. The tail is the
// payload alone; the RTP layer writes the header.
type RTPSend struct {
	Call        uint64
	Due         int64 // bus.Now when it is to go, 0 at once
	SSRC        uint32
	Timestamp   uint32
	Seq         uint16
	PayloadType uint8
	Marker      codec.Bool
	_           [4]uint8
}

// EventType implements [bus.EventTyper].
func (RTPSend) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.rtp-send", Priority: bus.Normal}
}

// StreamKind is what an RTPStream tells.
type StreamKind uint8

// What may happen to a stream of RTP.
const (
	StreamStarted StreamKind = iota + 1 // a port is open
	StreamFound                         // the first packet of this SSRC has come
	StreamBye                           // RTCP BYE; the tail is its reason
	StreamFailed                        // the tail says why
	StreamEnded                         // the last packet has been published
)

func (k StreamKind) String() string {
	return nameOf("stream", []string{"unspecified", "started", "found", "bye", "failed", "ended"}, uint8(k))
}

// RTPStream is the beginning or end of a stream. It takes the lane of the packets and their
// key, so that whoever has read StreamEnded has seen all packets there were.
type RTPStream struct {
	Call      uint64
	Received  uint64 // packets from the wire
	Published uint64 // packets put on the bus
	SSRC      uint32
	Local     Addr
	Remote    Addr
	Kind      StreamKind
	Direction Direction
}

// EventType implements [bus.EventTyper].
func (RTPStream) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.rtp-stream", Priority: bus.Normal}
}

// RTPStats is what an RTP session has counted so far.
type RTPStats struct {
	Ref
	PacketsSent     uint64
	PacketsReceived uint64
	BytesSent       uint64
	BytesReceived   uint64
	Lost            uint64 // expected by sequence number and not received
	Late            uint64 // too late to be played
	Duplicate       uint64
	Duration        uint64  // of the session, milliseconds
	SSRC            uint32  // of the other side
	LossRate        float32 // 0 to 1
	Jitter          float32 // interarrival jitter of RFC 3550 6.4.1, milliseconds
	RoundTrip       float32 // milliseconds, 0 if it is not known
}

// EventType implements [bus.EventTyper].
func (RTPStats) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.rtp-stats", Priority: bus.Low}
}

// RTCPKind is what an RTCPReport is.
type RTCPKind uint8

// The packets of RTCP.
const (
	RTCPSender   RTCPKind = iota + 1 // SR
	RTCPReceiver                     // RR
	RTCPExtended                     // XR with VoIP metrics, RFC 3611
	RTCPApp                          // APP; the tail is its data
)

func (k RTCPKind) String() string {
	return nameOf("rtcp", []string{"unspecified", "sender", "receiver", "extended", "app"}, uint8(k))
}

// RTCPReport is a report that arrived. The tail may be the packet.
type RTCPReport struct {
	Call         uint64
	NTP          uint64 // of a sender's report
	Reporter     uint32 // SSRC of who reports
	SSRC         uint32 // of the stream that is reported on
	Timestamp    uint32 // of RTP, that NTP stands for
	Packets      uint32 // sent, by a sender's report
	Octets       uint32 // likewise
	Lost         int32  // of the stream so far; duplicates make it less
	HighestSeq   uint32 // extended by its cycles
	Jitter       uint32 // in units of the clock
	LastSR       uint32
	DelaySinceSR uint32 // 1/65536 seconds
	RoundTrip    float32
	MOS          float32 // listening quality of RFC 3611, 1 to 5, 0 if it is not known
	Name         codec.String16
	Fraction     uint8 // lost since the last report, of 256
	RFactor      uint8 // of RFC 3611, 0 to 100, 127 if it is not known
	Kind         RTCPKind
	Blocks       uint8 // how many the report had; this is the first
}

// EventType implements [bus.EventTyper].
func (RTCPReport) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.rtcp-report", Priority: bus.Low}
}

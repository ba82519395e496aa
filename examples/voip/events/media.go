package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// RTPPacket is a packet that arrived. The tail is the packet as the kernel gave
// it, header included; Payload tells where the audio lies in it.
type RTPPacket struct {
	Call      uint64
	Arrival   int64 // bus.Now when it was read from the socket
	SSRC      uint32
	Timestamp uint32
	Seq       uint16
	Type      uint8 // RTP payload type
	Marker    codec.Bool
	Offset    uint16 // of the payload in the tail
	Length    uint16 // of the payload, without padding
}

// EventType implements [bus.EventTyper].
func (RTPPacket) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.rtp-packet", Priority: bus.Normal}
}

// Payload returns the audio in tail. Both the event and the tail come from shared
// memory, so what does not fit is not ok rather than a panic.
func (p *RTPPacket) Payload(tail []byte) (payload []byte, ok bool) {
	from, to := int(p.Offset), int(p.Offset)+int(p.Length)
	if to > len(tail) {
		return nil, false
	}
	return tail[from:to], true
}

// StreamEnd follows the last packet of a call, in the same lane and order: whoever
// has read it has seen all there was.
type StreamEnd struct {
	Call      uint64
	Received  uint64 // packets from the wire
	Published uint64 // packets put on the bus
}

// EventType implements [bus.EventTyper].
func (StreamEnd) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.stream-end", Priority: bus.Normal}
}

// Quality is how a stream of audio is doing.
type Quality struct {
	Call     uint64
	SSRC     uint32
	Type     uint8   // RTP payload type
	Packets  uint64  // received
	Lost     uint64  // expected by sequence number and not received
	JitterUS float64 // interarrival jitter, RFC 3550 6.4.1, microseconds
	LevelDBm float64 // mean level, dBm0
}

// MediaQuality is a stream's quality so far, about once a second.
type MediaQuality struct{ Quality }

// EventType implements [bus.EventTyper].
func (MediaQuality) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.media-quality", Priority: bus.Low}
}

// StreamReport is the last word on a stream, once it has ended. Missing counts
// packets that were published and did not reach the reporter.
type StreamReport struct {
	Quality
	Missing uint64
}

// EventType implements [bus.EventTyper].
func (StreamReport) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "voip.stream-report", Priority: bus.High}
}

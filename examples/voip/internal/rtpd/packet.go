package rtpd

import (
	"errors"

	"github.com/pion/rtp"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
)

var errNotRTP = errors.New("rtpd: not an RTP packet")

// parse describes the packet in raw. The call and the time of arrival are the caller's to fill in.
func parse(raw []byte) (events.RTPPacket, error) {
	var h rtp.Header
	offset, err := h.Unmarshal(raw)
	if err != nil || h.Version != 2 || offset > len(raw) {
		return events.RTPPacket{}, errNotRTP
	}
	length := len(raw) - offset
	if h.Padding {
		if length == 0 {
			return events.RTPPacket{}, errNotRTP
		}
		padding := int(raw[len(raw)-1])
		if padding == 0 || padding > length {
			return events.RTPPacket{}, errNotRTP
		}
		length -= padding
	}
	return events.RTPPacket{
		SSRC:        h.SSRC,
		Timestamp:   h.Timestamp,
		Seq:         h.SequenceNumber,
		PayloadType: h.PayloadType,
		Marker:      codec.BoolOf(h.Marker),
		Offset:      uint16(offset),
		Length:      uint16(length),
	}, nil
}

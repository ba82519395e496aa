package mediad

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
)

// shards is how many a priority may have, those of events.Geometry.
const shards = 4

// marks holds, for each lane that mediad reads, the position after the last event that is contained in a record.
type marks [bus.Normal + 1][shards]uint64

// pass reports whether the event at h is new to the record, and if so marks it as contained.
func (m *marks) pass(h bus.Header) bool {
	next := &m[h.Priority][h.Shard]
	if h.Position < *next {
		return false
	}
	*next = h.Position + 1
	return true
}

// call is what is known of a call. It is fixed-layout, as it is stored as it is.
type call struct {
	Key    uint64
	Marks  marks
	Ref    events.Ref
	CallID events.CallID
	Seq    uint32 // of the last call state
	State  events.CallState
	Ended  codec.Bool // the end of its stream has come
	_      [2]uint8
	Undone uint64 // packets whose payload did not lie within the packet
	Stream quality.Stream
}

// totals counts over all calls and over restarts. It is fixed-layout.
type totals struct {
	Marks      marks
	Starts     uint64 // processes that worked on this state
	States     uint64 // call states received
	StateGaps  uint64 // call states that are missing by their running number
	Messages   uint64 // SIP messages received
	SIPBytes   uint64
	Packets    uint64 // RTP packets received
	Unknown    uint64 // of those, packets of streams that no call state told of
	Streams    uint64 // streams that have ended
	Missing    uint64 // packets that rtpd published for ended streams and that did not come
	Lagged     uint64 // events the bus says were missed
	Unreported uint64 // reports the bus did not take
}

package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Flow is which way media goes, as in SDP, seen from this host.
type Flow uint8

// The flows.
const (
	FlowInactive Flow = iota + 1
	FlowSendOnly
	FlowRecvOnly
	FlowSendRecv
)

func (f Flow) String() string {
	return nameOf("flow", []string{"unspecified", "inactive", "sendonly", "recvonly", "sendrecv"}, uint8(f))
}

// Format is a payload format: what an rtpmap line of SDP says.
type Format struct {
	Name        codec.String16 // "PCMU", "opus"
	ClockRate   uint32         // Hz
	PacketTime  uint16         // milliseconds
	PayloadType uint8
	Channels    uint8
}

// SDPKind is what an SDPEvent tells.
type SDPKind uint8

// The steps of offer and answer.
const (
	SDPWanted     SDPKind = iota + 1 // the media layer is asked for a description
	SDPOffer                         // an offer, ours or theirs
	SDPAnswer                        // an answer
	SDPUpdate                        // a new offer within a call
	SDPNegotiated                    // Local, Remote and Format are agreed on
	SDPFailed                        // nothing could be agreed on
)

func (k SDPKind) String() string {
	return nameOf("sdp event", []string{"unspecified", "wanted", "offer", "answer", "update", "negotiated", "failed"}, uint8(k))
}

// SDPEvent is a step of the negotiation of media. The tail is the local and then the remote
// description; Tail says where they lie.
type SDPEvent struct {
	Ref
	Tail   Split
	Format Format
	Local  Addr
	Remote Addr
	Kind   SDPKind
	Role   Role
	Flow   Flow
}

// EventType implements [bus.EventTyper].
func (SDPEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.sdp-event", Priority: bus.Critical}
}

// MediaStart asks for the media of a call: the session layer asks the media layer, which
// asks the RTP layer. The tail is the local and then the remote description; Tail says where
// they lie. As a request it is answered by a MediaEvent.
type MediaStart struct {
	Ref
	Tail   Split
	Format Format
	Local  Addr // port 0: one that is free
	Remote Addr // none: not known yet
	SSRC   uint32
	Flow   Flow
	DTX    codec.Bool // send nothing in silence
	FEC    codec.Bool // with forward error correction
}

// EventType implements [bus.EventTyper].
func (MediaStart) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-start", Priority: bus.Critical}
}

// MediaStop ends the media of a call.
type MediaStop struct {
	Ref
	Reason codec.String64
}

// EventType implements [bus.EventTyper].
func (MediaStop) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-stop", Priority: bus.Critical}
}

// MediaAction is what a MediaCommand asks for.
type MediaAction uint8

// What may be asked for while media flow.
const (
	MediaUpdate      MediaAction = iota + 1 // Remote, Flow or the descriptions in the tail have changed
	MediaHold                               // send and play nothing
	MediaResume                             // do so again
	MediaMute                               // send silence
	MediaUnmute                             // send again
	MediaRecord                             // into the file Path
	MediaStopRecord                         // and close it
	MediaPlay                               // the file Path, Loops times
	MediaStopPlaying                        // be silent
)

func (a MediaAction) String() string {
	return nameOf("media action", []string{"unspecified", "update", "hold", "resume", "mute", "unmute", "record", "stop record",
		"play", "stop playing"}, uint8(a))
}

// MediaCommand asks for a change of media that flow. The tail of an update is the local and then
// the remote description; Tail says where they lie.
type MediaCommand struct {
	Ref
	Tail   Split
	Remote Addr
	Path   codec.String256
	Type   codec.String16 // of the file: "wav"
	Loops  uint16         // 0: until it is stopped
	Action MediaAction
	Flow   Flow
}

// EventType implements [bus.EventTyper].
func (MediaCommand) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-command", Priority: bus.Critical}
}

// MediaKind is what a MediaEvent tells.
type MediaKind uint8

// What the media layer tells of a call's media.
const (
	MediaStarted           MediaKind = iota + 1 // at Local, in Format
	MediaReady                                  // the dialog is there as well
	MediaFlowing                                // the first packet has come, and one has gone
	MediaFlowChanged                            // Flow says how it goes now
	MediaStopped                                // Reason says why
	MediaFailed                                 // Reason says why
	MediaTimedOut                               // no packet for Duration
	MediaFormatChanged                          // to Format
	MediaRemoteChanged                          // to Remote
	MediaRecordingStarted                       // the tail is the file's path
	MediaRecordingStopped                       // likewise, after Duration
	MediaPlaybackFinished                       // of the file in the tail
	MediaProcessingChanged                      // Reason says how
)

func (k MediaKind) String() string {
	return nameOf("media event", []string{"unspecified", "started", "ready", "flowing", "flow changed", "stopped", "failed",
		"timed out", "format changed", "remote changed", "recording started", "recording stopped", "playback finished",
		"processing changed"}, uint8(k))
}

// MediaEvent is what happens to a call's media. It answers MediaStart.
type MediaEvent struct {
	Ref
	Duration uint64 // milliseconds
	Format   Format
	Local    Addr
	Remote   Addr
	SSRC     uint32
	Code     uint32 // of the layer that failed
	Reason   codec.String64
	Kind     MediaKind
	Flow     Flow
}

// EventType implements [bus.EventTyper].
func (MediaEvent) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-event", Priority: bus.Critical}
}

// FrameKind is what a MediaFrame holds.
type FrameKind uint8

// The kinds of frame.
const (
	FrameEncoded FrameKind = iota + 1 // the payload of a packet
	FramePCM                          // signed 16-bit samples, little endian, channels interleaved
	FrameVideo
	FrameData
	FrameWanted // no frame, but the wish for the next one to send
)

func (k FrameKind) String() string {
	return nameOf("frame", []string{"unspecified", "encoded", "pcm", "video", "data", "wanted"}, uint8(k))
}

// MediaFrame is a frame of audio or video on its way to or from an application. The tail is
// its data.
type MediaFrame struct {
	Call        uint64
	Captured    int64 // bus.Now when it was received or captured
	SSRC        uint32
	Timestamp   uint32 // of RTP
	SampleRate  uint32 // Hz
	Seq         uint16
	Samples     uint16 // for each channel
	Channels    uint8
	PayloadType uint8
	Kind        FrameKind
	Direction   Direction
	Marker      codec.Bool
	Stream      uint8 // of several of a call
}

// EventType implements [bus.EventTyper].
func (MediaFrame) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-frame", Priority: bus.Normal}
}

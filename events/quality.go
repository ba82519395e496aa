package events

import (
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
)

// Quality is how a stream of audio is doing.
type Quality struct {
	Ref
	Packets     uint64  // received
	Lost        uint64  // expected by sequence number and not received
	MOS         float32 // 1 to 5, 0 if it is not known
	LossRate    float32 // 0 to 1
	Jitter      float32 // interarrival jitter of RFC 3550 6.4.1, milliseconds
	Delay       float32 // one way, milliseconds, 0 if it is not known
	RoundTrip   float32 // milliseconds, 0 if it is not known
	Level       float32 // mean level of the audio, dBm0
	Bandwidth   uint32  // bits per second that are estimated to be free, 0 if it is not known
	SSRC        uint32
	PayloadType uint8
	Severity    Severity // SeverityInfo if all is well
	Talking     codec.Bool
	_           [5]uint8
}

// MediaQuality is a stream's quality so far, every few seconds.
type MediaQuality struct{ Quality }

// EventType implements [bus.EventTyper].
func (MediaQuality) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.media-quality", Priority: bus.Low, Also: []bus.Priority{bus.High}}
}

// Urgency is the priority to publish the finding with, as bus.With.Priority: Low, which may
// lose it, as long as all is well; High from SeverityWarning on.
func (q *MediaQuality) Urgency() bus.Priority {
	if q.Severity >= SeverityWarning {
		return bus.High
	}
	return bus.Low
}

// StreamReport is the last word on a stream, once it has ended.
type StreamReport struct {
	Quality
	Duration uint64 // milliseconds
	Missing  uint64 // packets that were published and did not reach who reports
}

// EventType implements [bus.EventTyper].
func (StreamReport) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.stream-report", Priority: bus.High}
}

// MetricKind is what a Metric counts.
type MetricKind uint8

// The kinds of metric.
const (
	MetricCounter   MetricKind = iota + 1 // Value only grows
	MetricGauge                           // Value is as it is now
	MetricHistogram                       // Count values with Sum and Max since the last one
)

func (k MetricKind) String() string {
	return nameOf("metric", []string{"unspecified", "counter", "gauge", "histogram"}, uint8(k))
}

// Metric is a figure of a part of the switch. The tail is its labels, "name=value" with a
// newline after each.
type Metric struct {
	Name      codec.String64
	Component codec.String32
	Unit      codec.String16
	Value     float64
	Count     uint64
	Sum       float64
	Max       float64
	Kind      MetricKind
	_         [7]uint8
}

// EventType implements [bus.EventTyper].
func (Metric) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.metric", Priority: bus.Low}
}

// LogLine is a line of a log. The tail is the message, UTF-8, cut to what the lane has room
// for.
type LogLine struct {
	Ref
	Component codec.String32
	Target    codec.String64 // module, or file
	Line      uint32
	PID       uint32
	Severity  Severity
	_         [7]uint8
}

// EventType implements [bus.EventTyper].
func (LogLine) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.log-line", Priority: bus.Low}
}

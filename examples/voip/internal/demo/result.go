package demo

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/caller"
	"github.com/rvoip/shmbus/examples/voip/internal/mediad"
	"github.com/rvoip/shmbus/examples/voip/internal/rtpd"
	"github.com/rvoip/shmbus/examples/voip/internal/sipd"
)

// tolerance is how far a stream's level may be off, in dB. G.711 itself is within 0.1 dB at these levels.
const tolerance = 0.3

// result is all that was counted.
type result struct {
	options options
	client  string
	took    time.Duration
	kills   []kill
	notes   []string // what processes complained of

	caller  caller.Report
	sipd    sipd.Report
	rtpd    rtpd.Report
	mediad  mediad.Report
	streams []events.StreamReport
	lanes   []bus.LaneInfo
	peaks   map[string]uint64
	low     mediad.Quantiles // Low lane, from mediad to the demo
}

func (r *result) take(m *monitor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.streams {
		r.streams = append(r.streams, s)
	}
	r.lanes, r.peaks, r.low = lanes(m.last), m.peaks, mediad.Sum(m.low)
}

// problems compares what the processes counted, and returns what does not add up: nothing, if all is well.
func (r *result) problems() (out []string) {
	calls := uint64(r.options.Calls)
	want := func(what string, got, want uint64) {
		if got != want {
			out = append(out, fmt.Sprintf("%s: %d, should be %d", what, got, want))
		}
	}
	want("calls offered by the caller", uint64(r.caller.Offered), calls)
	want("calls ended by the caller", uint64(r.caller.Ended), calls)
	want("calls failed at the caller", uint64(r.caller.Failed), 0)
	want("calls offered to sipd", r.sipd.Offered, calls)
	want("calls answered", r.sipd.Answered, calls)
	want("calls ended", r.sipd.Ended, calls)
	want("calls failed or cancelled at sipd", r.sipd.Failed+r.sipd.Cancelled, 0)

	want("events that the bus did not take from sipd", r.sipd.Unpublished, 0)
	want("call states received by mediad", r.mediad.States, r.sipd.States)
	want("gaps in the numbers of call states", r.mediad.StateGaps, 0)
	want("SIP messages received by mediad", r.mediad.Messages, r.sipd.MessagesIn+r.sipd.MessagesOut)

	want("packets that the bus did not take from rtpd", r.rtpd.Unpublished, 0)
	want("datagrams that were no RTP or too long", r.rtpd.Invalid+r.rtpd.Oversized, 0)
	want("packets published", r.rtpd.Published, r.rtpd.Received)
	want("packets received by mediad", r.mediad.Packets, r.rtpd.Published)
	want("packets missing in ended streams", r.mediad.Missing, 0)
	want("packets of unknown calls", r.mediad.Unknown, 0)
	want("events missed, by the bus's own count", r.mediad.Lagged, 0)
	want("findings that the bus did not take from mediad", r.mediad.Unreported, 0)

	want("streams measured", uint64(len(r.streams)), calls)
	off := 0
	for _, s := range r.streams {
		if !(math.Abs(float64(s.Level)-r.options.Level) <= tolerance) {
			off++
		}
	}
	want(fmt.Sprintf("streams more than %.1f dB off", tolerance), uint64(off), 0)
	want("kills", uint64(len(r.kills)), boolToUint(r.options.Kill != ""))
	return out
}

func boolToUint(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// notReceived returns how many packets were sent and never got to rtpd, which is before the bus: those that the
// sequence numbers miss, and those that the caller's count misses besides (at the ends of a stream).
func (r *result) notReceived() (bySequence, bySum int64) {
	return r.rtpd.NotReceived, int64(r.caller.Packets) - int64(r.rtpd.Received)
}

// spread returns the least, the middle and the greatest of a property of the streams.
func (r *result) spread(of func(events.StreamReport) float64) (low, median, high float64) {
	if len(r.streams) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	v := make([]float64, len(r.streams))
	for i, s := range r.streams {
		v[i] = of(s)
	}
	slices.Sort(v)
	return v[0], v[len(v)/2], v[len(v)-1]
}

package quality

import (
	"math"
	"time"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
	"github.com/zaf/g711"
)

// clockRate is the RTP clock of G.711.
const clockRate = 8000

// Packet is what Stream needs to know of an RTP packet.
type Packet struct {
	Arrival   int64 // nanoseconds
	SSRC      uint32
	Timestamp uint32
	Seq       uint16
	Type      uint8
	Payload   []byte
}

// Stream measures one stream. The zero value is ready. It is fixed-layout, so that it can
// be stored as it is and taken up again.
type Stream struct {
	Sequence
	SSRC          uint32
	LastTimestamp uint32
	LastArrival   int64
	Jitter        float64 // nanoseconds
	Energy        float64 // sum of squares of samples, full scale being 1
	Samples       uint64
	Type          uint8
	Timed         codec.Bool // LastTimestamp and LastArrival hold
	_             [6]uint8
}

// Add takes note of a packet. One with another SSRC begins a new source in the same stream.
func (s *Stream) Add(p Packet) {
	if s.Started.Get() && p.SSRC != s.SSRC {
		s.Restart()
		s.Timed.Set(false)
	}
	s.SSRC, s.Type = p.SSRC, p.Type
	s.Sequence.Add(p.Seq)
	s.addTime(p)
	s.addAudio(p)
}

// addTime is RFC 3550 A.8, in nanoseconds in place of timestamp units: J += (|D| - J) / 16.
func (s *Stream) addTime(p Packet) {
	if s.Timed.Get() {
		sent := int64(int32(p.Timestamp-s.LastTimestamp)) * int64(time.Second/clockRate)
		d := float64(p.Arrival - s.LastArrival - sent)
		s.Jitter += (math.Abs(d) - s.Jitter) / 16
	}
	s.LastTimestamp, s.LastArrival = p.Timestamp, p.Arrival
	s.Timed.Set(true)
}

func (s *Stream) addAudio(p Packet) {
	table := decoder(p.Type)
	if table == nil {
		return
	}
	sum := 0.0
	for _, b := range p.Payload {
		sum += table[b]
	}
	s.Energy += sum
	s.Samples += uint64(len(p.Payload))
}

// Level returns the mean level in dBm0, and -Inf if there was no audio.
func (s *Stream) Level() float64 {
	if s.Samples == 0 {
		return math.Inf(-1)
	}
	// A sine of full scale has a mean square of 1/2.
	return 10*math.Log10(s.Energy/float64(s.Samples)*2) + FullScale(s.Type)
}

// JitterTime returns the interarrival jitter.
func (s *Stream) JitterTime() time.Duration { return time.Duration(s.Jitter) }

// FullScale returns the level of a full-scale sine in dBm0 (G.711).
func FullScale(payload uint8) float64 {
	if payload == sdp.PCMA {
		return 3.14
	}
	return 3.17
}

// overload is the sample at which the coder's range ends, as the decoder scales it to 16 bits.
func overload(payload uint8) float64 {
	if payload == sdp.PCMA {
		return 32768
	}
	return 32636 // 8159 of 14 bits
}

// squares holds, for each byte of a G.711 stream, the square of its decoded sample. Decoding
// and squaring a byte is one look-up.
type squares [256]float64

var muLaw, aLaw = tabulate(sdp.PCMU, g711.DecodeUlawFrame), tabulate(sdp.PCMA, g711.DecodeAlawFrame)

func tabulate(payload uint8, decode func(uint8) int16) *squares {
	t := new(squares)
	for b := range t {
		v := float64(decode(uint8(b))) / overload(payload)
		t[b] = v * v
	}
	return t
}

func decoder(payload uint8) *squares {
	switch payload {
	case sdp.PCMU:
		return muLaw
	case sdp.PCMA:
		return aLaw
	}
	return nil
}

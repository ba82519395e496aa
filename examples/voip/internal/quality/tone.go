package quality

import (
	"math"

	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
	"github.com/zaf/g711"
)

// ToneHz is the frequency of test tones: 1004 Hz as in telephony, where 1000 would
// repeat the same eight samples for ever.
const ToneHz = 1004

// Tone returns samples of a sine at level dBm0, coded for the payload type.
func Tone(payload uint8, level float64, samples int) []byte {
	peak := overload(payload) * math.Pow(10, (level-FullScale(payload))/20)
	encode := g711.EncodeUlawFrame
	if payload == sdp.PCMA {
		encode = g711.EncodeAlawFrame
	}
	tone := make([]byte, samples)
	for i := range tone {
		v := peak * math.Sin(2*math.Pi*ToneHz*float64(i)/clockRate)
		tone[i] = encode(int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v)))))
	}
	return tone
}

package quality_test

import (
	"math"
	"testing"
	"time"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStreamCanBeStored(t *testing.T) {
	_, err := codec.Of[quality.Stream]()
	require.NoError(t, err)
}

func TestLevelOfTone(t *testing.T) {
	for _, payload := range []uint8{sdp.PCMU, sdp.PCMA} {
		for _, level := range []float64{0, -10, -20, -40} {
			var s quality.Stream
			s.Add(quality.Packet{Type: payload, Payload: quality.Tone(payload, level, 8000)})
			assert.InDelta(t, level, s.Level(), 0.1, "payload type %d", payload)
		}
	}
}

func TestLevelNoticesWrongBytes(t *testing.T) {
	tone := quality.Tone(sdp.PCMU, -10, 8000)
	var as quality.Stream
	as.Add(quality.Packet{Type: sdp.PCMA, Payload: tone})
	assert.Greater(t, math.Abs(as.Level()+10), 1.0, "A-law decoding of μ-law")

	for i := range 80 { // one byte in a hundred
		tone[i*100] ^= 0x7f
	}
	var s quality.Stream
	s.Add(quality.Packet{Type: sdp.PCMU, Payload: tone})
	assert.Greater(t, math.Abs(s.Level()+10), 0.02)
}

func TestLevelWithoutAudio(t *testing.T) {
	var s quality.Stream
	assert.True(t, math.IsInf(s.Level(), -1))
	s.Add(quality.Packet{Type: 101, Payload: []byte{1, 2, 3, 4}})
	assert.True(t, math.IsInf(s.Level(), -1), "telephone events are no audio")
}

func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name     string
		seq      []uint16
		expected uint64
		lost     int64
	}{
		{"none", []uint16{7, 8, 9}, 3, 0},
		{"gap", []uint16{7, 9, 12}, 6, 3},
		{"reordered", []uint16{7, 9, 8, 10}, 4, 0},
		{"twice", []uint16{7, 8, 8, 9}, 3, -1},
		{"wraps", []uint16{65534, 65535, 0, 1}, 4, 0},
		{"wraps in a gap", []uint16{65534, 1}, 4, 2},
		{"late over the wrap", []uint16{65534, 0, 65535, 1}, 4, 0},
		{"starts over", []uint16{100, 101, 30000, 30001, 30002}, 5, 0},
		{"one wild number", []uint16{100, 30000, 101, 102}, 3, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s quality.Sequence
			for _, n := range c.seq {
				s.Add(n)
			}
			assert.EqualValues(t, len(c.seq), s.Received)
			assert.Equal(t, c.expected, s.Expected())
			assert.Equal(t, c.lost, s.Lost())
		})
	}
}

func TestNewSourceInStream(t *testing.T) {
	var s quality.Stream
	for i := range 5 {
		s.Add(quality.Packet{SSRC: 1, Seq: uint16(100 + i), Timestamp: uint32(i * 160), Arrival: int64(i) * 20e6})
	}
	for i := range 5 {
		s.Add(quality.Packet{SSRC: 2, Seq: uint16(9 + i), Timestamp: uint32(1e9 + i*160), Arrival: int64(5+i) * 20e6})
	}
	assert.EqualValues(t, 10, s.Expected())
	assert.Zero(t, s.Lost())
	assert.Zero(t, s.JitterTime())
}

// The values follow RFC 3550 6.4.1 by hand.
func TestJitter(t *testing.T) {
	const ms = int64(time.Millisecond)
	var s quality.Stream
	add := func(n int, late int64) {
		s.Add(quality.Packet{Seq: uint16(n), Timestamp: uint32(math.MaxUint32 - 100 + n*160), Arrival: int64(n)*20*ms + late})
	}
	add(0, 0)
	assert.Zero(t, s.JitterTime())
	add(1, 0)
	assert.Zero(t, s.JitterTime(), "on time, also where the timestamp wraps")
	add(2, 16*ms)
	assert.Equal(t, time.Millisecond, s.JitterTime(), "16/16")
	add(3, 16*ms)
	assert.Equal(t, 15*time.Millisecond/16, s.JitterTime(), "decays by 1/16")
	add(4, 0)
	assert.InDelta(t, 1e6*(15.0/16+(16-15.0/16)/16), float64(s.JitterTime()), 1, "early counts as late does")
}

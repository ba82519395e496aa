package payload

import (
	"testing"
	"unsafe"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/codec"
)

func TestRTPIsAPacketThatOthersRead(t *testing.T) {
	require.EqualValues(t, 172, unsafe.Sizeof(RTP{}))
	l, err := codec.Of[RTP]()
	require.NoError(t, err)
	require.Equal(t, RTPSize, l.Size)
	for _, last := range []bool{false, true} {
		var v RTP
		FillRTP(&v, 7, 70_000, last, true)
		var p rtp.Packet
		require.NoError(t, p.Unmarshal(v.B[:]))
		assert.EqualValues(t, 2, p.Version)
		assert.EqualValues(t, 0, p.PayloadType)
		assert.Equal(t, last, p.Marker)
		assert.Equal(t, uint16(70_000&0xFFFF), p.SequenceNumber)
		assert.EqualValues(t, 70_000*160, p.Timestamp)
		assert.EqualValues(t, 7, p.SSRC)
		assert.Len(t, p.Payload, 160)
		assert.Empty(t, p.CSRC)

		n, ok := ReadRTP(&v, 20, true)
		assert.True(t, ok)
		assert.Equal(t, NewNote(0, 70_000*20+7, last), n)
	}
}

func TestRTPNoticesEveryChangedByte(t *testing.T) {
	var v RTP
	const streams = 20
	FillRTP(&v, 7, 3, false, true)
	want, _ := ReadRTP(&v, streams, true)
	for i := range v.B {
		for bit := range 8 {
			v.B[i] ^= 1 << bit
			n, ok := ReadRTP(&v, streams, true)
			// The marker is the one bit that nothing else depends on.
			assert.False(t, ok && n == want, "byte %d", i)
			if i != 1 || bit != 7 {
				assert.False(t, ok, "byte %d bit %d", i, bit)
			}
			v.B[i] ^= 1 << bit
		}
	}
}

func TestRTPNoticesAudioOfAnotherPacket(t *testing.T) {
	var v, w RTP
	FillRTP(&v, 1, 1, false, true)
	for stream := range uint32(10) {
		for turn := range uint32(10) {
			if stream == 1 && turn == 1 {
				continue
			}
			FillRTP(&w, stream, turn, false, true)
			mixed := v
			copy(mixed.B[rtpHeader:], w.B[rtpHeader:])
			_, ok := ReadRTP(&mixed, 10, true)
			assert.False(t, ok, "audio of packet %d of stream %d", turn, stream)
		}
	}
	_, ok := ReadRTP(&v, 1, true)
	assert.False(t, ok, "a stream that there is not")
}

func BenchmarkFillReadRTP(b *testing.B) {
	var v RTP
	bad := 0
	for i := range b.N {
		FillRTP(&v, uint32(i&1023), uint32(i>>10), false, true)
		if _, ok := ReadRTP(&v, 1024, true); !ok {
			bad++
		}
	}
	if bad != 0 {
		b.Fatal(bad)
	}
}

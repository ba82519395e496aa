package rtpd

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	p := rtp.Packet{
		Header: rtp.Header{Version: 2, Marker: true, PayloadType: 8, SequenceNumber: 65535, Timestamp: 160,
			SSRC: 0xca110000, CSRC: []uint32{1, 2}},
		Payload: make([]byte, 160),
	}
	raw, err := p.Marshal()
	require.NoError(t, err)
	got, err := parse(raw)
	require.NoError(t, err)
	assert.Equal(t, events.RTPPacket{SSRC: 0xca110000, Timestamp: 160, Seq: 65535, PayloadType: 8,
		Marker: codec.True, Offset: 20, Length: 160}, got)
}

func TestParsePadding(t *testing.T) {
	raw := append(make([]byte, 12), 1, 2, 3, 0, 0, 3)
	raw[0] = 2<<6 | 1<<5
	got, err := parse(raw)
	require.NoError(t, err)
	assert.EqualValues(t, 3, got.Length)

	for _, padding := range []byte{0, 7, 255} {
		raw[len(raw)-1] = padding
		_, err = parse(raw)
		assert.ErrorIs(t, err, errNotRTP, "padding %d of 6", padding)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, raw := range map[string][]byte{
		"empty":          nil,
		"short":          make([]byte, 11),
		"version 0":      make([]byte, 172),
		"CSRCs cut":      append([]byte{2<<6 | 15}, make([]byte, 20)...),
		"extensions cut": append([]byte{2<<6 | 1<<4}, make([]byte, 12)...),
	} {
		_, err := parse(raw)
		assert.ErrorIs(t, err, errNotRTP, name)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(append([]byte{0x80}, make([]byte, 171)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<15 {
			return
		}
		p, err := parse(raw)
		if err != nil {
			return
		}
		_, ok := p.Payload(raw)
		require.True(t, ok)
	})
}

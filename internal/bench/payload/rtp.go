package payload

import (
	"bytes"
	"encoding/binary"
)

// RTP is a packet of G.711 as on the wire: a header of 12 bytes and 20 ms of audio.
//
//	0    version 2, no padding, extension or contributors   1 byte
//	1    marker, payload type 0 (PCMU)                       1 byte
//	2    sequence                                            big-endian
//	4    timestamp, 160 a packet                             big-endian
//	8    SSRC: the number of the stream                      big-endian
//	12   audio                                               160 bytes
//
// The audio is a piece of noise that both ends know, which one depends on stream
// and timestamp: it is written and compared as a whole, and no byte of it can
// change, or stem from another packet, unnoticed. The marker is on the last packet
// of all.
type RTP struct{ B [RTPSize]uint8 }

const (
	// RTPSize is the size of [RTP].
	RTPSize = rtpHeader + rtpAudio

	rtpHeader  = 12
	rtpAudio   = 160
	rtpTicks   = 160
	rtpVersion = 2 << 6
	rtpMarker  = 1 << 7

	noiseBits = 12
)

// noise is repeatable, and has no two equal pieces.
var noise = func() (b [1<<noiseBits + rtpAudio]byte) {
	x := uint64(spread)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}()

// audio is that of a packet.
func audio(stream, turn uint32) []byte {
	at := (stream*0x9E3779B1 + turn*0x85EBCA77) >> (32 - noiseBits)
	return noise[at : at+rtpAudio : at+rtpAudio]
}

// FillRTP writes packet number turn of a stream; without sum its audio stays as
// it is.
func FillRTP(v *RTP, stream, turn uint32, last, sum bool) {
	var second uint64
	if last {
		second = rtpMarker
	}
	binary.BigEndian.PutUint64(v.B[:], (rtpVersion<<8|second)<<48|uint64(turn&0xFFFF)<<32|uint64(turn*rtpTicks))
	binary.BigEndian.PutUint32(v.B[8:], stream)
	if sum {
		copy(v.B[rtpHeader:], audio(stream, turn))
	}
}

// ReadRTP returns the note of a packet, whose sequence is its place among those of
// all streams taken in turn, and whether its header makes sense and, if sum, its
// audio is right.
func ReadRTP(v *RTP, streams uint64, sum bool) (Note, bool) {
	w := binary.BigEndian.Uint64(v.B[:])
	stream := binary.BigEndian.Uint32(v.B[8:])
	stamp := uint32(w)
	turn := stamp / rtpTicks
	n := NewNote(0, uint64(turn)*streams+uint64(stream), w>>48&rtpMarker != 0)
	ok := w>>48&^rtpMarker == rtpVersion<<8 && w>>32&0xFFFF == uint64(turn&0xFFFF) && stamp%rtpTicks == 0 && uint64(stream) < streams
	if ok && sum {
		ok = bytes.Equal(v.B[rtpHeader:], audio(stream, turn))
	}
	return n, ok
}

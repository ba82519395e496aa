package event

import (
	"encoding/binary"
	"math/bits"
)

const (
	// SeedSize is the size of the event of the workload seed.
	SeedSize = 48
	// MinSize is a note and a checksum.
	MinSize = 16

	word = 8
	// spread makes body words of a note that differ in all bytes.
	spread  = 0x9E3779B97F4A7C15 // 2^64 / golden ratio
	lastBit = 1 << 63
	seqMask = 1<<48 - 1

	seedStreams     = 8
	seedMarkerEvery = 30
	seedPayloadType = 96
	seedPayloadSize = 1400
	seedTicks       = 160
)

// seedNames are "stream-0" to "stream-7" as two words: a length of 16 bits, the
// text, zeros.
var seedNames = func() (names [seedStreams][2]uint64) {
	for i := range names {
		b := make([]byte, 2*word)
		b[0] = word
		copy(b[2:], "stream-"+string(rune('0'+i)))
		names[i] = [2]uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[word:])}
	}
	return names
}()

func finish(a, b uint64) uint64 { return a ^ bits.RotateLeft64(b*spread, 31) }

// Kind is which event a workload sends.
type Kind struct{ Seed bool }

// Fill writes all of b, whose length is the event's: the running number, a body
// and the checksum. last marks a publisher's final event.
func (k Kind) Fill(b []byte, seq uint64, last bool) {
	if k.Seed {
		fillSeed(b, seq, last)
		return
	}
	note := seq & seqMask
	if last {
		note |= lastBit
	}
	binary.LittleEndian.PutUint64(b, note)
	x, s1, s2 := note*spread, note, note
	b = b[word:]
	for len(b) >= 2*word {
		x += spread
		binary.LittleEndian.PutUint64(b, x)
		s1 += x
		s2 += s1
		b = b[word:]
	}
	binary.LittleEndian.PutUint64(b, finish(s1, s2))
}

// Read returns the running number of the event in b, whether it is the last
// one, and whether its content is right.
func (k Kind) Read(b []byte) (seq uint64, last, ok bool) {
	if len(b) < MinSize {
		return 0, false, false
	}
	sum := sumAgrees(b)
	if k.Seed {
		if len(b) != SeedSize {
			return 0, false, false
		}
		flags := binary.LittleEndian.Uint64(b[32:])
		low := binary.LittleEndian.Uint32(b[24:])
		return flags>>32<<32 | uint64(low), flags>>16&1 != 0, sum
	}
	note := binary.LittleEndian.Uint64(b)
	return note & seqMask, note&lastBit != 0, sum
}

func sumAgrees(b []byte) bool {
	var s1, s2 uint64
	for len(b) >= 2*word {
		s1 += binary.LittleEndian.Uint64(b)
		s2 += s1
		b = b[word:]
	}
	return len(b) == word && finish(s1, s2) == binary.LittleEndian.Uint64(b)
}

// fillSeed writes the description of an RTP packet:
//
//	 0  time          8  stream, 16 bytes
//	24  sequence u32, payload size u16, payload type u8, marker u8
//	32  publisher u16, last u8, 0, lap of the sequence u32
//	40  checksum
func fillSeed(b []byte, seq uint64, last bool) {
	b = b[:SeedSize]
	third := uint64(uint32(seq)) | seedPayloadSize<<32 | seedPayloadType<<48
	if seq%seedMarkerEvery == 0 {
		third |= 1 << 56
	}
	fourth := seq >> 32 << 32
	if last {
		fourth |= 1 << 16
	}
	name := &seedNames[seq%seedStreams]
	binary.LittleEndian.PutUint64(b, seq*seedTicks)
	binary.LittleEndian.PutUint64(b[8:], name[0])
	binary.LittleEndian.PutUint64(b[16:], name[1])
	binary.LittleEndian.PutUint64(b[24:], third)
	binary.LittleEndian.PutUint64(b[32:], fourth)
	s1 := seq * seedTicks
	s2 := s1
	for _, x := range [...]uint64{name[0], name[1], third, fourth} {
		s1 += x
		s2 += s1
	}
	binary.LittleEndian.PutUint64(b[40:], finish(s1, s2))
}

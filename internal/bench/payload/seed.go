package payload

import "github.com/rvoip/shmbus/codec"

// Seed is the event of the benchmark that RVOIP's in-process event bus was
// presented with: an RTP packet's description without its payload.
type Seed struct {
	Time        uint64         // RTP clock, 160 a packet
	Stream      codec.String16 // "stream-0" to "stream-7"
	Sequence    uint32
	PayloadSize uint16
	PayloadType uint8
	Marker      codec.Bool
	Publisher   uint16
	Last        codec.Bool
	Pad         [1]uint8
	Lap         uint32 // how often Sequence went round
	Sum         uint64
}

// SeedSize is the size of [Seed].
const SeedSize = 48

const (
	seedStreams     = 8
	seedMarkerEvery = 30
	seedPayloadType = 96
	seedPayloadSize = 1400
	seedTicks       = 160
)

// seedName is a stream's name, aligned so that it can be summed up as words.
type seedName struct {
	text codec.String16
	_    [0]uint64
}

var seedNames = func() (names [seedStreams]seedName) {
	for i := range names {
		if err := names[i].text.Set("stream-" + string(rune('0'+i))); err != nil {
			panic(err)
		}
	}
	return names
}()

// FillSeed writes all of v, and the checksum if sum.
func FillSeed(v *Seed, n Note, sum bool) {
	seq, last := n.Seq(), codec.BoolOf(n.Last())
	marker := codec.BoolOf(seq%seedMarkerEvery == 0)
	name := &seedNames[seq%seedStreams]
	v.Time = seq * seedTicks
	v.Stream = name.text
	v.Sequence = uint32(seq)
	v.PayloadSize = seedPayloadSize
	v.PayloadType = seedPayloadType
	v.Marker = marker
	v.Publisher = uint16(n.Publisher())
	v.Last = last
	v.Pad[0] = 0
	v.Lap = uint32(seq >> 32)
	if !sum {
		return
	}
	// The small fields are put together from registers: reading back as one
	// word what was just stored as several waits for the stores.
	text := words(name)
	v.Sum = Sum([]uint64{
		seq * seedTicks, text[0], text[1],
		uint64(uint32(seq)) | seedPayloadSize<<32 | seedPayloadType<<48 | uint64(marker)<<56,
		uint64(n.Publisher()) | uint64(last)<<16 | seq>>32<<32,
	})
}

// ReadSeed returns the note of v and, if sum, whether its checksum is right.
func ReadSeed(v *Seed, sum bool) (Note, bool) {
	n := NewNote(int(v.Publisher), uint64(v.Lap)<<32|uint64(v.Sequence), v.Last.Get())
	if !sum {
		return n, true
	}
	w := words(v)
	return n, Sum(w[:len(w)-1]) == v.Sum
}

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

var seedNames = func() (names [seedStreams]codec.String16) {
	for i := range names {
		if err := names[i].Set("stream-" + string(rune('0'+i))); err != nil {
			panic(err)
		}
	}
	return names
}()

// FillSeed writes all of v, and the checksum if sum.
func FillSeed(v *Seed, n Note, sum bool) {
	seq := n.Seq()
	*v = Seed{
		Time:        seq * seedTicks,
		Stream:      seedNames[seq%seedStreams],
		Sequence:    uint32(seq),
		PayloadSize: seedPayloadSize,
		PayloadType: seedPayloadType,
		Marker:      codec.BoolOf(seq%seedMarkerEvery == 0),
		Publisher:   uint16(n.Publisher()),
		Last:        codec.BoolOf(n.Last()),
		Lap:         uint32(seq >> 32),
	}
	if sum {
		w := words(v)
		v.Sum = Sum(w[:len(w)-1])
	}
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

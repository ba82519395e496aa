package event

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var shapes = []struct {
	kind Kind
	size int
}{{Kind{}, MinSize}, {Kind{}, 64}, {Kind{}, 256}, {Kind{Seed: true}, SeedSize}}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	for _, s := range shapes {
		b := make([]byte, s.size)
		s.kind.Fill(b, 77, true)
		seq, last, ok := s.kind.Read(b)
		require.True(t, ok)
		require.True(t, last)
		require.EqualValues(t, 77, seq)
		for i := range b {
			b[i] ^= 0x10
			_, _, ok := s.kind.Read(b)
			require.False(t, ok, "byte %d of %d changed unnoticed", i, s.size)
			b[i] ^= 0x10
		}
		for n := range b {
			_, _, ok := s.kind.Read(b[:n])
			require.False(t, ok, "%d of %d bytes passed for an event", n, s.size)
		}
	}
}

// TestEventsAreThoseOfTheOtherLanguages pins the bytes; the programs in Rust
// and Java check themselves against the same ones.
func TestEventsAreThoseOfTheOtherLanguages(t *testing.T) {
	b := make([]byte, 32)
	Kind{}.Fill(b, 5, true)
	assert.Equal(t, sized, hex.EncodeToString(b))
	b = make([]byte, SeedSize)
	Kind{Seed: true}.Fill(b, 1<<32|60, false)
	assert.Equal(t, seed, hex.EncodeToString(b))
}

const (
	sized = "05000000000000807ee8befb58da4c359364097b125484d3aff06f1d90d88c6a"
	seed  = "80250000a0000000080073747265616d2d340000000000003c00000078056000000000000100000097cb1ecd0ecf1c78"
)

func TestSequenceOfTheSeedGoesBeyond32Bits(t *testing.T) {
	b := make([]byte, SeedSize)
	Kind{Seed: true}.Fill(b, 5<<32|7, false)
	seq, last, ok := Kind{Seed: true}.Read(b)
	assert.True(t, ok)
	assert.False(t, last)
	assert.EqualValues(t, 5<<32|7, seq)
	assert.Equal(t, "stream-7", string(b[10:18]))
}

func TestBookCountsEachWayToGoWrong(t *testing.T) {
	w := Writer{Size: 32}
	packed := make([]byte, 6*32)
	w.Pack(packed, 5)
	w.Last = true
	w.Next(packed[5*32:])
	at := func(i int) []byte { return packed[i*32 : (i+1)*32] }

	var b Book
	assert.True(t, b.See(at(0)))
	assert.True(t, b.See(at(3)), "two are missing")
	assert.True(t, b.See(at(1)), "one comes late")
	at(4)[20] ^= 1
	assert.True(t, b.See(at(4)))
	assert.False(t, b.See(at(5)))
	assert.True(t, b.Done)
	assert.Equal(t, Book{Received: 5, Gaps: 3, Disordered: 1, Corrupt: 1, Done: true, next: 6}, b)
}

func TestEachShowsWhatIsPacked(t *testing.T) {
	var sizes []int
	see := func(e []byte) bool { sizes = append(sizes, len(e)); return len(sizes) < 3 }
	assert.True(t, Each(make([]byte, 20), 16, see))
	assert.Equal(t, []int{16, 4}, sizes)
	assert.False(t, Each(make([]byte, 48), 16, see))
	assert.Equal(t, []int{16, 4, 16}, sizes)
}

func BenchmarkFillRead64(b *testing.B) {
	buf := make([]byte, 64)
	for i := range b.N {
		Kind{}.Fill(buf, uint64(i), false)
		if _, _, ok := (Kind{}).Read(buf); !ok {
			b.Fatal(i)
		}
	}
}

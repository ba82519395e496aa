package payload

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/codec"
)

func TestNoteKeepsItsParts(t *testing.T) {
	for _, last := range []bool{false, true} {
		n := NewNote(MaxPublishers-1, 1<<48-1, last)
		assert.Equal(t, MaxPublishers-1, n.Publisher())
		assert.Equal(t, uint64(1<<48-1), n.Seq())
		assert.Equal(t, last, n.Last())
	}
}

func checkSized[T any](t *testing.T, size int) {
	t.Helper()
	l, err := codec.Of[T]()
	require.NoError(t, err)
	require.Equal(t, size, l.Size)
	n := NewNote(3, 77, true)
	var v T
	Fill(&v, n, true)
	got, ok := Read(&v, true)
	require.True(t, ok)
	require.Equal(t, n, got)
	b := codec.AsBytes(&v)
	for i := range b {
		b[i] ^= 0x10
		_, ok := Read(&v, true)
		require.False(t, ok, "byte %d of %d changed unnoticed", i, size)
		b[i] ^= 0x10
	}
}

func TestSizedValuesNoticeEveryChangedByte(t *testing.T) {
	checkSized[V16](t, 16)
	checkSized[V32](t, 32)
	checkSized[V48](t, 48)
	checkSized[V64](t, 64)
	checkSized[V128](t, 128)
	checkSized[V256](t, 256)
	checkSized[V512](t, 512)
	checkSized[V1024](t, 1024)
}

func TestSumNoticesWordsOfAnotherEvent(t *testing.T) {
	var a, b V64
	Fill(&a, NewNote(0, 1, false), true)
	Fill(&b, NewNote(0, 2, false), true)
	for i := range a.W {
		mixed := a
		mixed.W[i] = b.W[i]
		_, ok := Read(&mixed, true)
		assert.False(t, ok, "word %d of the next event went unnoticed", i)
	}
	swapped := a
	swapped.W[2], swapped.W[3] = swapped.W[3], swapped.W[2]
	_, ok := Read(&swapped, true)
	assert.False(t, ok)
}

func TestSeedIsTheEventItStandsFor(t *testing.T) {
	require.EqualValues(t, SeedSize, unsafe.Sizeof(Seed{}))
	l, err := codec.Of[Seed]()
	require.NoError(t, err)
	require.Equal(t, SeedSize, l.Size)
	var v Seed
	FillSeed(&v, NewNote(1, 11, false), true)
	assert.Equal(t, "stream-3", v.Stream.String())
	assert.EqualValues(t, 11, v.Sequence)
	assert.EqualValues(t, 96, v.PayloadType)
	assert.EqualValues(t, 1400, v.PayloadSize)
	assert.False(t, v.Marker.Get())
	n, ok := ReadSeed(&v, true)
	assert.True(t, ok)
	assert.Equal(t, NewNote(1, 11, false), n)
	b := codec.AsBytes(&v)
	for i := range b {
		b[i] ^= 0x10
		_, ok := ReadSeed(&v, true)
		require.False(t, ok, "byte %d changed unnoticed", i)
		b[i] ^= 0x10
	}
	FillSeed(&v, NewNote(0, 60, true), true)
	assert.True(t, v.Marker.Get())
	n, _ = ReadSeed(&v, true)
	assert.True(t, n.Last())
	big := NewNote(0, 5<<32|7, false)
	FillSeed(&v, big, true)
	n, _ = ReadSeed(&v, true)
	assert.Equal(t, big, n)
}

func TestTailNoticesEveryChangedByte(t *testing.T) {
	n := NewNote(0, 9, false)
	tail := make([]byte, 80)
	sum := FillTail(tail, n)
	require.Equal(t, sum, SumTail(tail, n))
	for i := range tail {
		tail[i] ^= 1
		require.NotEqual(t, sum, SumTail(tail, n), "byte %d changed unnoticed", i)
		tail[i] ^= 1
	}
	assert.NotEqual(t, sum, SumTail(tail, NewNote(0, 10, false)))
}

func TestBytesAreTheSizedValue(t *testing.T) {
	var v V64
	n := NewNote(2, 5, false)
	FillBytes(codec.AsBytes(&v), n, true)
	got, ok := Read(&v, true)
	assert.True(t, ok)
	assert.Equal(t, n, got)
	_, ok = ReadBytes(codec.AsBytes(&v), true)
	assert.True(t, ok)
}

func BenchmarkFillRead64(b *testing.B) {
	var v V64
	bad := 0
	for i := range b.N {
		Fill(&v, NewNote(0, uint64(i), false), true)
		if _, ok := Read(&v, true); !ok {
			bad++
		}
	}
	if bad != 0 {
		b.Fatal(bad)
	}
}

func BenchmarkFillReadSeed(b *testing.B) {
	var v Seed
	bad := 0
	for i := range b.N {
		FillSeed(&v, NewNote(0, uint64(i), false), true)
		if _, ok := ReadSeed(&v, true); !ok {
			bad++
		}
	}
	if bad != 0 {
		b.Fatal(bad)
	}
}

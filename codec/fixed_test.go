package codec

import (
	"fmt"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// textType and blobType are what all fixed-capacity types of their family have in common.
type textType interface {
	Set(string) error
	SetTruncate(string) bool
	String() string
	Equal(string) bool
	Bytes() []byte
	Len() int
	Cap() int
	Reset()
}

type blobType interface {
	Set([]byte) error
	SetTruncate([]byte) bool
	Equal([]byte) bool
	Bytes() []byte
	Len() int
	Cap() int
	Reset()
}

// fresh returns a value of each type, with its bytes.
func freshTexts() map[int]struct {
	v textType
	b []byte
} {
	var s16 String16
	var s32 String32
	var s48 String48
	var s64 String64
	var s128 String128
	var s256 String256
	return map[int]struct {
		v textType
		b []byte
	}{
		16: {&s16, AsBytes(&s16)}, 32: {&s32, AsBytes(&s32)}, 48: {&s48, AsBytes(&s48)}, 64: {&s64, AsBytes(&s64)},
		128: {&s128, AsBytes(&s128)}, 256: {&s256, AsBytes(&s256)},
	}
}

func freshBlobs() map[int]struct {
	v blobType
	b []byte
} {
	var b16 Bytes16
	var b32 Bytes32
	var b64 Bytes64
	var b128 Bytes128
	var b256 Bytes256
	return map[int]struct {
		v blobType
		b []byte
	}{
		16: {&b16, AsBytes(&b16)}, 32: {&b32, AsBytes(&b32)}, 64: {&b64, AsBytes(&b64)},
		128: {&b128, AsBytes(&b128)}, 256: {&b256, AsBytes(&b256)},
	}
}

func TestStrings(t *testing.T) {
	for size, c := range freshTexts() {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s, room := c.v, size-2
			require.Len(t, c.b, size)
			assert.Equal(t, room, s.Cap())
			assert.Empty(t, s.String())
			assert.True(t, s.Equal(""))

			full := strings.Repeat("x", room)
			require.NoError(t, s.Set(full))
			assert.Equal(t, full, s.String())
			assert.Equal(t, room, s.Len())

			err := s.Set(full + "y")
			require.ErrorIs(t, err, ErrTooLong)
			var long *TooLongError
			require.ErrorAs(t, err, &long)
			assert.Equal(t, TooLongError{Len: room + 1, Cap: room}, *long)
			assert.ErrorContains(t, err, fmt.Sprintf("%d bytes, capacity %d", room+1, room))
			assert.Equal(t, full, s.String(), "a refused value changes nothing")

			require.NoError(t, s.Set("alice"))
			assert.Equal(t, append([]byte{5, 0, 'a', 'l', 'i', 'c', 'e'}, make([]byte, size-7)...), c.b,
				"nothing of the older content remains")
			assert.True(t, s.Equal("alice"))
			assert.False(t, s.Equal("alic"))
			assert.False(t, s.Equal("alicf"))

			s.Bytes()[0] = 'A'
			assert.Equal(t, "Alice", s.String(), "Bytes is in place")

			s.Reset()
			assert.Equal(t, make([]byte, size), c.b)
		})
	}
}

func TestBytes(t *testing.T) {
	for size, c := range freshBlobs() {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b, room := c.v, size-2
			require.Len(t, c.b, size)
			assert.Equal(t, room, b.Cap())
			assert.Empty(t, b.Bytes())
			assert.True(t, b.Equal(nil))

			long := []byte(strings.Repeat("\xff", room+1))
			require.ErrorIs(t, b.Set(long), ErrTooLong)
			assert.Zero(t, b.Len())
			require.NoError(t, b.Set(long[:room]))
			assert.Equal(t, long[:room], b.Bytes())

			assert.True(t, b.SetTruncate([]byte{1, 2}))
			assert.Equal(t, append([]byte{2, 0, 1, 2}, make([]byte, size-4)...), c.b)
			assert.False(t, b.SetTruncate(long))
			assert.True(t, b.Equal(long[:room]))
			assert.False(t, b.Equal(long))

			require.NoError(t, b.Set(b.Bytes()[1:]), "a value may be set from itself")
			assert.Equal(t, long[:room-1], b.Bytes())

			b.Reset()
			assert.Equal(t, make([]byte, size), c.b)
		})
	}
}

// A peer may store any length. Whatever it is, we stay inside the value.
func TestFixedLengthThatLies(t *testing.T) {
	for size, c := range freshTexts() {
		require.NoError(t, c.v.Set("bob"))
		c.b[0], c.b[1] = 0xff, 0xff
		assert.Equal(t, size-2, c.v.Len())
		assert.Len(t, c.v.Bytes(), size-2)
		assert.Equal(t, "bob"+strings.Repeat("\x00", size-5), c.v.String())
		assert.False(t, c.v.Equal("bob"))
	}
	for size, c := range freshBlobs() {
		c.b[0], c.b[1] = byte(size-1), byte((size-1)>>8)
		assert.Equal(t, size-2, c.v.Len())
	}
}

func TestStringTruncatesAtRunes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"12345678901234", "12345678901234"},
		{"12345678901234x", "12345678901234"},
		{"1234567890123é", "1234567890123"},
		{"123456789012é!", "123456789012é"},
		{"123456789012€", "123456789012"},
		{"12345678901😀", "12345678901"},
		{strings.Repeat("\x80", 20), strings.Repeat("\x80", 14)}, // not UTF-8
	} {
		var s String16
		assert.Equal(t, len(c.in) <= s.Cap(), s.SetTruncate(c.in))
		assert.Equal(t, c.want, s.String())
	}
}

func TestStringProperties(t *testing.T) {
	require.NoError(t, quick.Check(func(in string) bool {
		var s, s2 String64
		fits := s.SetTruncate(in)
		got := s.String()
		if fits != (len(in) <= s.Cap()) || !strings.HasPrefix(in, got) || !s.Equal(got) {
			return false
		}
		// quick's strings are valid UTF-8 but for lone surrogates, which become replacement characters.
		if !fits && (len(got) <= s.Cap()-utf8.UTFMax || utf8.ValidString(in) && !utf8.ValidString(got)) {
			return false
		}
		return s2.Set("something else") == nil && s2.Set(got) == nil && s == s2 &&
			(fits || s2.Set(in) != nil)
	}, nil))
}

// The values print readably wherever they are, also inside an event that is printed whole.
func TestFixedPrints(t *testing.T) {
	var e struct{ Caller String32 }
	require.NoError(t, e.Caller.Set("bob"))
	assert.Equal(t, "{Caller:bob}", fmt.Sprintf("%+v", e))
}

package codec

import (
	"encoding/hex"
	"unicode/utf8"
)

// lengthSize is the size of the length in front of a fixed-capacity value.
const lengthSize = 2

// array is the room of a fixed-capacity value. With the length the sizes are multiples of 16.
type array interface {
	[14]byte | [30]byte | [46]byte | [62]byte | [126]byte | [254]byte
}

// fixed is the one implementation of all fixed-capacity types.
//
//	0        2                    2+cap
//	+--------+---------------------+
//	| length | content, then zeros |
//	+--------+---------------------+
type fixed[A array] struct {
	n uint16
	b A
}

// Bytes returns the content in place, valid for as long as the value is. A length that lies, as it
// may in shared memory, is cut to the capacity.
func (f *fixed[A]) Bytes() []byte {
	room := f.room()
	return room[:min(int(f.n), len(room))]
}

// Len returns the number of bytes held, at most Cap.
func (f *fixed[A]) Len() int { return len(f.Bytes()) }

// Cap returns the number of bytes there is room for.
func (f *fixed[A]) Cap() int { return len(f.room()) }

// Reset makes the value empty.
func (f *fixed[A]) Reset() { *f = fixed[A]{} }

// put stores s, which must fit. It clears the rest, so that equal values are equal with == and no
// older content stays behind in a slot.
func put[A array, S string | []byte](f *fixed[A], s S) {
	room := f.room()
	n := copy(room, s)
	clear(room[n:])
	f.n = uint16(n)
}

// text is the common part of the String types.
type text[A array] struct{ fixed[A] }

// Set stores s, or gives a [*TooLongError] and changes nothing.
func (t *text[A]) Set(s string) error {
	if len(s) > t.Cap() {
		return &TooLongError{Len: len(s), Cap: t.Cap()}
	}
	put(&t.fixed, s)
	return nil
}

// SetTruncate stores as much of s as fits, without cutting a UTF-8 sequence in two, and reports
// whether all of it did.
func (t *text[A]) SetTruncate(s string) bool {
	if len(s) <= t.Cap() {
		put(&t.fixed, s)
		return true
	}
	n := t.Cap()
	for back := range utf8.UTFMax {
		if utf8.RuneStart(s[n-back]) {
			n -= back
			break // otherwise not UTF-8: there is nothing to keep whole
		}
	}
	put(&t.fixed, s[:n])
	return false
}

// String returns a copy of the content. It has a value receiver so that an event prints readably.
func (t text[A]) String() string { return string(t.Bytes()) }

// MarshalText returns a copy of the content, for JSON and logs.
func (t text[A]) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText stores p as Set does.
func (t *text[A]) UnmarshalText(p []byte) error { return t.Set(string(p)) }

// Equal reports whether the content is s. It does not allocate.
func (t *text[A]) Equal(s string) bool { return string(t.Bytes()) == s }

// blob is the common part of the Bytes types.
type blob[A array] struct{ fixed[A] }

// Set stores a copy of p, or gives a [*TooLongError] and changes nothing.
func (b *blob[A]) Set(p []byte) error {
	if len(p) > b.Cap() {
		return &TooLongError{Len: len(p), Cap: b.Cap()}
	}
	put(&b.fixed, p)
	return nil
}

// SetTruncate stores as much of p as fits and reports whether all of it did.
func (b *blob[A]) SetTruncate(p []byte) bool {
	put(&b.fixed, p[:min(len(p), b.Cap())])
	return len(p) <= b.Cap()
}

// String returns the content in hexadecimal. It has a value receiver so that an event prints readably.
func (b blob[A]) String() string { return hex.EncodeToString(b.Bytes()) }

// MarshalText returns what String does, for JSON and logs.
func (b blob[A]) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText stores what hexadecimal digits stand for.
func (b *blob[A]) UnmarshalText(p []byte) error {
	raw, err := hex.DecodeString(string(p))
	if err != nil {
		return err
	}
	return b.Set(raw)
}

// Equal reports whether the content is p. It does not allocate.
func (b *blob[A]) Equal(p []byte) bool { return string(b.Bytes()) == string(p) }

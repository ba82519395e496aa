package codec

import (
	"encoding/binary"
	"fmt"
)

// View returns the value at the start of b, in place, after it has checked the type, the length and
// the alignment. The result is valid for as long as b is.
//
// Errors: what [Of] gives, [ErrShort], [ErrMisaligned].
func View[T any](b []byte) (*T, error) {
	l, err := Of[T]()
	if err != nil {
		return nil, err
	}
	if len(b) < l.Size {
		return nil, fmt.Errorf("%w: %s needs %d, have %d", ErrShort, l.Name, l.Size, len(b))
	}
	if off := misaligned(b, l.Align); l.Size > 0 && off != 0 {
		return nil, fmt.Errorf("%w: %s needs a multiple of %d, these start %d beyond one: copy them first",
			ErrMisaligned, l.Name, l.Align, off)
	}
	return Cast[T](b), nil
}

// littleEndian reports whether this machine stores numbers as the format wants them.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

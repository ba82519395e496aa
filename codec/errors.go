package codec

import (
	"errors"
	"fmt"
)

// Errors about a Go type. They are mistakes in the program, found before the first event.
var (
	// ErrType reports a type that cannot be a view. The message names the field and what to use instead.
	ErrType = errors.New("codec: type cannot be a view")

	// ErrByteOrder reports a big-endian machine. It wraps [errors.ErrUnsupported].
	ErrByteOrder = fmt.Errorf("codec: views need a little-endian machine: %w", errors.ErrUnsupported)
)

// Errors about bytes or values. They can happen at any time.
var (
	// ErrShort reports fewer bytes than the type needs.
	ErrShort = errors.New("codec: too few bytes")

	// ErrMisaligned reports bytes that start at an address the type may not have.
	ErrMisaligned = errors.New("codec: misaligned bytes")

	// ErrSchema reports schema bytes that describe no valid layout: damaged, hostile, or
	// written by a newer version.
	ErrSchema = errors.New("codec: bad schema")

	// ErrTooLong reports a value longer than the capacity it should fit.
	// The error itself is a [*TooLongError].
	ErrTooLong = errors.New("codec: value too long")
)

// TooLongError says by how much a value did not fit. It matches [ErrTooLong].
type TooLongError struct {
	Len int // bytes of the value
	Cap int // bytes there is room for
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%v: %d bytes, capacity %d: use a larger type, SetTruncate, or the event's tail",
		ErrTooLong, e.Len, e.Cap)
}

// Is makes errors.Is(err, ErrTooLong) true.
func (e *TooLongError) Is(target error) bool { return target == ErrTooLong }

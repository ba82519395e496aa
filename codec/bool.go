package codec

import "strconv"

// Bool is a boolean that is safe to read from shared memory. A Go bool is not: the compiler
// takes for granted that it holds 0 or 1, and misbehaves with any other byte. The zero value is
// false. In a schema it is a bool; a type defined from it is a uint8.
type Bool uint8

// The two values of a [Bool].
const (
	False Bool = 0
	True  Bool = 1
)

// BoolOf returns v as a [Bool].
func BoolOf(v bool) Bool {
	if v {
		return True
	}
	return False
}

// Get returns the value. Any byte but 0 is true.
func (b Bool) Get() bool { return b != 0 }

// Set stores v.
func (b *Bool) Set(v bool) { *b = BoolOf(v) }

// MarshalJSON gives true or false.
func (b Bool) MarshalJSON() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalJSON reads true or false.
func (b *Bool) UnmarshalJSON(p []byte) error {
	v, err := strconv.ParseBool(string(p))
	if err == nil {
		b.Set(v)
	}
	return err
}

// String returns "true" or "false".
func (b Bool) String() string {
	if b.Get() {
		return "true"
	}
	return "false"
}

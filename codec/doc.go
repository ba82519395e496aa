// Package codec turns a Go struct into a view over the bytes of a shared slot.
//
// # Model
//
// The struct is the schema. A type that consists of fixed-width fields only has the
// same bytes in every process, so nothing is encoded or decoded: [Of] checks the type
// once by reflection, and from then on a slot's bytes are the value, reached by a cast.
//
//	type CallState struct {
//		CallID  codec.String64
//		Started int64
//		State   uint8
//		Held    codec.Bool
//		Codecs  [4]uint8
//	}
//
// # Words
//
//   - A layout is what two processes must agree on: size, alignment, and the name, kind and
//     offset of each field. See [Layout].
//   - A schema is a layout as bytes: compact, deterministic, with a format version in front.
//     It is kept beside the events, so that a program can check what another one wrote and a
//     viewer can print events of types it was never compiled with. See [Layout.AppendSchema],
//     [ParseSchema] and [Layout.Format].
//   - The fingerprint is a 64-bit hash of the schema. Equal layouts have equal fingerprints, on
//     every architecture; [Layout.Diff] says in words where two of them differ.
//   - A view is a *T that points into bytes it does not own. See [View] and [Cast].
//
// # What a type may hold
//
// int8 to int64, uint8 to uint64, float32, float64, [Bool], the fixed-capacity types [String16] to
// [String256] and [Bytes16] to [Bytes256], arrays and structs of these, and named types of any of
// them. A struct without fields is allowed: it is a pure signal of size 0. All else is refused with an
// error that names the field and says what to use instead: pointers and what contains
// them mean nothing in another process, the size of int, uint and uintptr differs by platform, and a
// Go bool must never hold a byte other than 0 or 1, which shared memory cannot promise.
//
// # Fixed-capacity types
//
// The number in a name is the size in bytes. Two of them are the length, so a [String64] holds up to 62
// bytes. The zero value is empty. Set stores a value and clears the rest, so that values are
// comparable with ==. Like any variable, one is not safe for concurrent use while it is written.
//
// # Caveats
//
// A view's bytes belong to whoever owns the slot. A view must not be used after its slot was
// given back; copy the value (v := *view) to keep it.
//
// Bytes from shared memory are untrusted. Every kind of field is safe to read with any content:
// numbers hold whatever is there, a [Bool] has two states, and a length that lies is cut to the capacity.
// What the numbers mean (an index, say) remains for the reader to check.
//
// Numbers are stored as the machine stores them, which on all supported platforms is little
// endian; on a big-endian machine [Of] gives [ErrByteOrder].
//
// Bytes between fields are copied like all others and are not cleared. [Layout.Padding] counts them;
// a type that fills its gaps with named fields discloses nothing but its values.
package codec

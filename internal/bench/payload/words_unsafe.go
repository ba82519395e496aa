package payload

import "unsafe"

// words is the memory of v as 64-bit words. The types of this package are all
// a multiple of eight bytes, aligned to eight, and without padding.
func words[T any](v *T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(v)), unsafe.Sizeof(*v)/8)
}

// Cast is the value at the front of b, which must be long enough and aligned
// to eight bytes; it is meant for slots that this module laid out itself.
func Cast[T any](b []byte) *T {
	var v T
	_ = b[:unsafe.Sizeof(v)]
	return (*T)(unsafe.Pointer(unsafe.SliceData(b)))
}

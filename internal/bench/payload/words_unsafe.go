package payload

import "unsafe"

// words is the memory of v as 64-bit words. The types of this package are all
// a multiple of eight bytes, aligned to eight, and without padding.
func words[T any](v *T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(v)), unsafe.Sizeof(*v)/8)
}

// wordsOf is b as 64-bit words; b starts at a multiple of eight, as slots do.
func wordsOf(b []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}

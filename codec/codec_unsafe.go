package codec

import "unsafe"

// Cast returns the value at the start of b, in place. It is the fast path for a caller that has had
// T accepted by [Of] and knows that b is aligned, as slots are; [View] checks both. The result
// is valid for as long as b is. Cast panics if b is shorter than T, and so never reaches outside b.
func Cast[T any](b []byte) *T {
	size := sizeOf[T]()
	if size == 0 {
		return new(T) // a signal: b may be empty and have no address
	}
	_ = b[size-1]
	return (*T)(unsafe.Pointer(unsafe.SliceData(b)))
}

// AsBytes returns the bytes of *v, in place. T must be a type that [Of] accepts.
func AsBytes[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), sizeOf[T]())
}

// CastAll returns the values that b holds one after another, in place: as many as there is room for.
// What is said of [Cast] holds for each of them. A T without size has none.
func CastAll[T any](b []byte) []T {
	size := sizeOf[T]()
	if size == 0 || len(b) < size {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/size)
}

// AllBytes returns the bytes of all of vs, in place. T must be a type that [Of] accepts.
func AllBytes[T any](vs []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(vs))), len(vs)*sizeOf[T]())
}

func sizeOf[T any]() int {
	var v T
	return int(unsafe.Sizeof(v))
}

// misaligned returns how many bytes the start of b lies beyond a multiple of align, a power of two.
func misaligned(b []byte, align int) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(align-1))
}

// stringBytes returns the bytes of s without a copy. They must not be written.
func stringBytes(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// room returns all the room of a fixed-capacity value. Go cannot slice a type parameter of several
// array lengths.
func (f *fixed[A]) room() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&f.b)), unsafe.Sizeof(f.b))
}

package peer

import "unsafe"

// value is an event as a Go value, as a user of channels would send it.
type value interface {
	[16]byte | [32]byte | [48]byte | [64]byte | [128]byte | [256]byte | [512]byte | [1024]byte
}

// bytesOf is the memory of v.
func bytesOf[V value](v *V) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

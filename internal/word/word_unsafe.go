package word

import (
	"sync/atomic"
	"unsafe"
)

// LineSize is the size of a cache line. Structures of a region start on one.
const LineSize = 64

// U64 is the 64-bit word at off, which must be a multiple of 8.
func U64(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[off : off+8][0]))
}

// U32 is the 32-bit word at off, which must be a multiple of 4.
func U32(mem []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}

// U64s are n 64-bit words from off on.
func U64s(mem []byte, off, n int) []atomic.Uint64 {
	b := mem[off : off+8*n]
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&b[0])), n)
}

// Aligned tells whether mem starts on a cache line.
func Aligned(mem []byte) bool { return uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%LineSize == 0 }

// Futex is the address of w as the kernel wants it.
func Futex(w *atomic.Uint32) *uint32 { return (*uint32)(unsafe.Pointer(w)) }

// LoadFutex loads the word at an address that Futex has given.
func LoadFutex(w *uint32) uint32 { return (*atomic.Uint32)(unsafe.Pointer(w)).Load() }

// NewMemory returns n zeroed bytes of heap memory that start on a cache line.
func NewMemory(n int) []byte {
	b := make([]byte, n+LineSize)
	off := int(-uintptr(unsafe.Pointer(&b[0])) % LineSize)
	return b[off : off+n : off+n]
}

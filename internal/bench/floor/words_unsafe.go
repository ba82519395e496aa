package floor

import (
	"sync/atomic"
	"unsafe"
)

// word64 is the 64-bit word at off, which is a multiple of 8 in a mapping.
func word64(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[off : off+8][0]))
}

// word32 is the 32-bit word at off.
func word32(mem []byte, off int) *uint32 {
	return (*uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}

package ring

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// aligned tells whether the memory starts on a cache line.
func aligned(mem []byte) bool { return uintptr(unsafe.Pointer(&mem[0]))%lineSize == 0 }

func word64(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[off : off+8][0]))
}

func word32(mem []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}

func words64(mem []byte, off, n int) []atomic.Uint64 {
	b := mem[off : off+8*n]
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&b[0])), n)
}

// futexWord is the address a Parker waits on.
func futexWord(w *atomic.Uint32) *uint32 { return (*uint32)(unsafe.Pointer(w)) }

func loadFutexWord(w *uint32) uint32 { return (*atomic.Uint32)(unsafe.Pointer(w)).Load() }

// NewMemory returns n zeroed bytes of heap memory that start on a cache line.
func NewMemory(n int) []byte {
	if n <= 0 {
		panic(fmt.Sprintf("ring: NewMemory of %d bytes", n))
	}
	b := make([]byte, n+lineSize)
	off := int(-uintptr(unsafe.Pointer(&b[0])) % lineSize)
	return b[off : off+n : off+n]
}

package shm

import "unsafe"

// address returns where the memory of b begins.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// word returns the 32-bit word at an aligned offset of mapped memory, whose bounds are checked here.
func word(mem []byte, offset int) *uint32 {
	_ = mem[offset : offset+4]
	return (*uint32)(unsafe.Pointer(&mem[offset]))
}

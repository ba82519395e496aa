//go:build amd64 || arm64

package prefetch

import "unsafe"

// Write asks for the line of b[0], to be written. It never faults, and it costs
// no more than a function call.
func Write(b []byte) { write(unsafe.Pointer(unsafe.SliceData(b))) }

// Read asks for the line of b[0], to be read. It never faults, and it costs no
// more than a function call.
func Read(b []byte) { read(unsafe.Pointer(unsafe.SliceData(b))) }

//go:noescape
func write(p unsafe.Pointer)

//go:noescape
func read(p unsafe.Pointer)

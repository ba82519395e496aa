//go:build amd64 || arm64

package prefetch

import "unsafe"

// WriteFront asks for the first two lines of b, as far as it has them, to be
// written. It never faults, and it costs no more than a function call.
func WriteFront(b []byte) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	write(p, unsafe.Add(p, min(lineSize, len(b)-1)))
}

// ReadSlots asks for the first lines of slots, at most two of each, to be read.
// Slot i lies at i*size of mem; the caller has bounded them. One call does for all,
// so that they come at the same time and not one after the other.
func ReadSlots(mem []byte, slots []uint32, size, lines int) {
	if len(slots) == 0 {
		return
	}
	second := 0
	if lines > 1 && size > lineSize {
		second = lineSize
	}
	read(unsafe.Pointer(unsafe.SliceData(mem)), unsafe.SliceData(slots), len(slots), size, second)
}

const lineSize = 64

//go:noescape
func write(p, q unsafe.Pointer)

//go:noescape
func read(mem unsafe.Pointer, slots *uint32, n, size, second int)

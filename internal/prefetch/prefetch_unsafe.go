//go:build amd64 || arm64

package prefetch

import (
	"sync/atomic"
	"unsafe"
)

// WriteFront asks for the first two lines of b, as far as it has them, to be
// written. It never faults, and it costs no more than a function call.
func WriteFront(b []byte) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	write(p, unsafe.Add(p, min(lineSize, len(b)-1)))
}

// ReadSlots asks for the first lines of slots, at most two of each, to be read.
// The slot of ref lies at (ref&mask)*size of mem; the caller has bounded them. One
// call does for all, so that they come at the same time and not one after the other.
func ReadSlots[R ~uint32](mem []byte, refs []R, mask R, size, lines int) {
	if len(refs) == 0 {
		return
	}
	second := 0
	if lines > 1 && size > lineSize {
		second = lineSize
	}
	read(unsafe.Pointer(unsafe.SliceData(mem)), (*uint32)(unsafe.Pointer(unsafe.SliceData(refs))), len(refs), uint32(mask), size, second)
}

// Ahead asks for the line of w, to be read.
func Ahead(w *atomic.Uint64) { line(unsafe.Pointer(w)) }

const lineSize = 64

//go:noescape
func line(p unsafe.Pointer)

//go:noescape
func write(p, q unsafe.Pointer)

//go:noescape
func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, second int)

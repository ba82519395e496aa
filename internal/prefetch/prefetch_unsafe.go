//go:build amd64 || arm64

package prefetch

import (
	"sync/atomic"
	"unsafe"
)

// WriteFront asks for the first lines of b, one or more, to be written; the caller has
// bounded them. It costs no more than a function call.
func WriteFront(b []byte, lines int) { write(unsafe.Pointer(unsafe.SliceData(b)), lines*lineSize) }

// ReadSlots asks for the first lines of slots, one or more, to be read. The slot of ref
// lies at (ref&mask)*size of mem; the caller has bounded them, and the lines. One
// call does for all, so that they come at the same time and not one after the other.
func ReadSlots[R ~uint32](mem []byte, refs []R, mask R, size, lines int) {
	if len(refs) == 0 {
		return
	}
	read(unsafe.Pointer(unsafe.SliceData(mem)), (*uint32)(unsafe.Pointer(unsafe.SliceData(refs))), len(refs), uint32(mask), size, lines*lineSize)
}

// Ahead asks for the line of w, to be read.
func Ahead(w *atomic.Uint64) { line(unsafe.Pointer(w)) }

// AheadToWrite asks for the line of w, to be written.
func AheadToWrite(w *atomic.Uint64) { write(unsafe.Pointer(w), 8) }

const lineSize = 64

//go:noescape
func line(p unsafe.Pointer)

//go:noescape
func write(p unsafe.Pointer, bytes int)

//go:noescape
func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, bytes int)

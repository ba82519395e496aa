//go:build amd64 && !race

package word

import (
	"sync/atomic"
	"unsafe"
)

// Release stores 0, after all that this goroutine has done before: on this
// processor stores are seen in order, and no load passes to behind one. The compiler
// keeps the order of stores to memory that has escaped.
func Release(w *atomic.Uint32) { *(*uint32)(unsafe.Pointer(w)) = 0 }

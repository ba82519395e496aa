//go:build amd64 && !race

package word

import (
	"sync/atomic"
	"unsafe"
)

// Plain tells whether Release is a plain store, which later loads may pass.
const Plain = true

// Release stores v, after all that this goroutine has done before: on this
// processor stores are seen in order, and no load passes to behind one. The compiler
// keeps the order of stores to memory that has escaped. Loads that follow may pass to
// before it, unlike with an atomic store.
func Release(w *atomic.Uint32, v uint32) { *(*uint32)(unsafe.Pointer(w)) = v }

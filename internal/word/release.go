//go:build !amd64 || race

package word

import "sync/atomic"

// Plain tells whether Release is a plain store, which later loads may pass.
const Plain = false

// Release stores v, after all that this goroutine has done before.
func Release(w *atomic.Uint32, v uint32) { w.Store(v) }

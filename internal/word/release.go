//go:build !amd64 || race

package word

import "sync/atomic"

// Release stores v, after all that this goroutine has done before.
func Release(w *atomic.Uint32, v uint32) { w.Store(v) }

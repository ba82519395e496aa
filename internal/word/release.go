//go:build !amd64 || race

package word

import "sync/atomic"

// Release stores 0, after all that this goroutine has done before.
func Release(w *atomic.Uint32) { w.Store(0) }

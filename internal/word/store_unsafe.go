//go:build !race

package word

import (
	"sync/atomic"
	"unsafe"
)

// OwnerStore stores to a word that its owner alone writes, without the full
// fence that an atomic store costs. It is allowed where either nobody reads the
// word before a later release by the same goroutine, or where any recent value
// will do (counters). The word is aligned, so that it is never seen torn. The
// compiler keeps the order of stores to memory that has escaped.
func OwnerStore(w *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(w)) = v }

// OwnerAdd adds to a counter that its owner alone writes, as OwnerStore stores.
func OwnerAdd(w *atomic.Uint64, n uint64) { *(*uint64)(unsafe.Pointer(w)) += n }

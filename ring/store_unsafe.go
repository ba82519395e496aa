//go:build !race

package ring

import (
	"sync/atomic"
	"unsafe"
)

// ownerStore stores to a word that its owner alone writes, without the full
// fence that an atomic store costs. It is allowed where either nobody reads the
// word before a later release by the same goroutine (the intent and the cells:
// the entry CAS that follows releases them, and recovery reads them only after
// the kernel has dropped the owner's lock), or where any recent value will do
// (counters). The word is aligned, so that it is never seen torn. The compiler
// keeps the order of stores to memory that has escaped.
func ownerStore(w *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(w)) = v }

package ring

import (
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/word"
)

// ownerStore stores to a word that its owner alone writes, without a fence. The
// intent and the cells: the entry CAS that follows releases them, and recovery
// reads them only after the kernel has dropped the owner's lock. Counters: any
// recent value will do.
func ownerStore(w *atomic.Uint64, v uint64) { word.OwnerStore(w, v) }

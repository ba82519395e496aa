//go:build race

package ring

import "sync/atomic"

// ownerStore is atomic under the race detector, which cannot know the rules
// that allow the plain store of other builds.
func ownerStore(w *atomic.Uint64, v uint64) { w.Store(v) }

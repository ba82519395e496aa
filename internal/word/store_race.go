//go:build race

package word

import "sync/atomic"

// OwnerStore is atomic under the race detector, which cannot know the rules that
// allow the plain store of other builds.
func OwnerStore(w *atomic.Uint64, v uint64) { w.Store(v) }

// OwnerAdd is atomic under the race detector.
func OwnerAdd(w *atomic.Uint64, n uint64) { w.Add(n) }

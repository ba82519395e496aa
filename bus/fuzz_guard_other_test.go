//go:build !linux

package bus

import "testing"

// guarded is plain memory where there are no pages to guard it.
func guarded(_ testing.TB, size int) *heap { return newHeap(size) }

//go:build !amd64 && !arm64

package prefetch

import "sync/atomic"

// Ahead does nothing on this processor.
func Ahead(*atomic.Uint64) {}

// AheadToWrite does nothing on this processor.
func AheadToWrite(*atomic.Uint64) {}

// WriteFront does nothing on this processor.
func WriteFront([]byte, int) {}

// ReadSlots does nothing on this processor.
func ReadSlots[R ~uint32]([]byte, []R, R, int, int) {}

//go:build !amd64 && !arm64

package prefetch

import "sync/atomic"

// Ahead does nothing on this processor.
func Ahead(*atomic.Uint64) {}

// WriteFront does nothing on this processor.
func WriteFront([]byte) {}

// ReadSlots does nothing on this processor.
func ReadSlots[R ~uint32]([]byte, []R, R, int, int) {}

//go:build !amd64 && !arm64

package prefetch

// WriteFront does nothing on this processor.
func WriteFront([]byte) {}

// ReadSlots does nothing on this processor.
func ReadSlots[R ~uint32]([]byte, []R, R, int, int) {}

//go:build !amd64 && !arm64

package prefetch

// WriteFront does nothing on this processor.
func WriteFront([]byte) {}

// ReadSlots does nothing on this processor.
func ReadSlots([]byte, []uint32, int, int) {}

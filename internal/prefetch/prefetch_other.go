//go:build !amd64 && !arm64

package prefetch

// Write does nothing on this processor.
func Write([]byte) {}

// Read does nothing on this processor.
func Read([]byte) {}

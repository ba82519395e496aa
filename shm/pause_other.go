//go:build !amd64 && !arm64

package shm

// Pause would execute n instructions that ease a spinning loop; this architecture has none that Go can name.
func Pause(n int) {}

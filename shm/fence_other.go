//go:build !linux

package shm

// RegisterFence needs Linux; here it returns an error that wraps errors.ErrUnsupported.
func RegisterFence() error { return errUnsupported }

// Fence needs Linux; here it returns an error that wraps errors.ErrUnsupported.
func Fence() error { return errUnsupported }

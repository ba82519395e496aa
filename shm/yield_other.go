//go:build !linux

package shm

import "runtime"

// Yield lets another goroutine run; other threads are beyond its reach here.
func Yield() { runtime.Gosched() }

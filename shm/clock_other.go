//go:build !linux

package shm

import "time"

var base = time.Now()

// Now returns nanoseconds of a monotonic clock. On this operating system it is comparable within this process alone.
func Now() int64 { return int64(time.Since(base)) }

package shm

import "golang.org/x/sys/unix"

// Yield lets another thread that is ready have the processor; without one it returns at once. The scheduler of Go knows,
// so that a long wait keeps neither the garbage collector nor other goroutines waiting.
func Yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

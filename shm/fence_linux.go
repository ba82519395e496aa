package shm

import (
	"os"

	"golang.org/x/sys/unix"
)

// Commands of membarrier(2), of include/uapi/linux/membarrier.h.
const (
	membarrierPrivate         = 1 << 3 // MEMBARRIER_CMD_PRIVATE_EXPEDITED
	membarrierRegisterPrivate = 1 << 4 // MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
)

// RegisterFence prepares this process for Fence, and returns an error if there is none: before Linux 4.14, or where a
// filter of system calls forbids it. It takes milliseconds the first time.
func RegisterFence() error { return membarrier(membarrierRegisterPrivate) }

// Fence returns once every thread of this process has executed a full memory fence since the call began. It takes some
// microseconds, so that others need none at all: whoever stores A and then loads B without a fence between them, and
// whoever stores B, calls Fence and loads A, cannot both find what was there before. It needs RegisterFence.
func Fence() error { return membarrier(membarrierPrivate) }

func membarrier(cmd uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, cmd, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("membarrier", errno)
	}
	return nil
}

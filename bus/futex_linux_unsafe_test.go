//go:build linux

package bus_test

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// requeueAll moves all that sleep on one word to another, while the first holds
// val (FUTEX_CMP_REQUEUE).
func requeueAll(from *uint32, val uint32, to *uint32) (int, error) {
	const cmpRequeue = 4
	n, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(from)), cmpRequeue, 0, 1<<30,
		uintptr(unsafe.Pointer(to)), uintptr(val))
	if errno == unix.EAGAIN {
		return 0, nil // it has just been rung
	}
	if errno != 0 {
		return 0, os.NewSyscallError("futex", errno)
	}
	return int(n), nil
}

// seccomp subjects all threads of this process to a filter of system calls.
func seccomp(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const setModeFilter, allThreads = 1, 1
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, allThreads, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

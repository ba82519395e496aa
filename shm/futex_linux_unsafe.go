//go:build linux

package shm

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// futexWait goes through Syscall, which tells the scheduler: through RawSyscall a sleeper without a deadline would stall
// the garbage collector for as long as it sleeps, since the kernel goes back to sleep after its signal.
func futexWait(addr *uint32, val, mask uint32, deadline int64) syscall.Errno {
	var until *unix.Timespec
	if deadline > 0 {
		ts := unix.NsecToTimespec(deadline)
		until = &ts
	}
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWaitBitset, uintptr(val),
		uintptr(unsafe.Pointer(until)), 0, uintptr(mask))
	return errno
}

// futexWaitBriefly goes through RawSyscall. With a deadline the kernel ends the sleep at a signal.
func futexWaitBriefly(addr *uint32, val, mask uint32, deadline int64) syscall.Errno {
	until := unix.NsecToTimespec(deadline)
	_, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWaitBitset, uintptr(val),
		uintptr(unsafe.Pointer(&until)), 0, uintptr(mask))
	return errno
}

// futexWake goes through RawSyscall: it does not block, and telling the scheduler would cost more than the call.
func futexWake(addr *uint32, n int, mask uint32) (int, syscall.Errno) {
	woken, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWakeBitset, uintptr(n), 0, 0, uintptr(mask))
	return int(woken), errno
}

package torture

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// bound lets the kernel kill a process when the thread that started it ends, and
// keeps a terminal's Ctrl-C from it.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// What freezes a process and lets it go on, and what lets it say where it is.
const (
	stopSignal  = syscall.SIGSTOP
	goOnSignal  = syscall.SIGCONT
	stackSignal = syscall.SIGABRT
)

// awaitStopped waits until a child of ours stands still. It returns false if the
// child has ended.
func awaitStopped(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

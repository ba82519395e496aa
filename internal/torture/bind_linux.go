package torture

import "syscall"

// bound lets the kernel kill a process when its supervisor dies, and keeps a
// terminal's Ctrl-C from it.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

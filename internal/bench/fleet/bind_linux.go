package fleet

import (
	"os/exec"
	"syscall"
)

// bindToParent lets the kernel kill the process when its parent dies, and puts
// it into a process group of its own, so that a terminal's Ctrl-C reaches the
// conductor alone, which then ends its agents in order.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// cpuSeconds is the user and system time of this process.
func cpuSeconds() float64 {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
}

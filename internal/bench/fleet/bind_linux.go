package fleet

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// What freezes a process and lets it go on.
const (
	freezeSignal = syscall.SIGSTOP
	thawSignal   = syscall.SIGCONT
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

// ThreadCPU is the time that the calling thread has had a processor, in
// nanoseconds: what others do meanwhile does not count. Lock the goroutine to its
// thread to compare two readings. ok is false where it is not known.
func ThreadCPU() (ns int64, ok bool) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return ts.Nano(), err == nil
}

//go:build !linux

package torture

import "syscall"

// Regions need Linux: a run ends before it comes to any of these.

func bound() *syscall.SysProcAttr { return nil }

const (
	stopSignal  = syscall.SIGTERM
	goOnSignal  = syscall.SIGTERM
	stackSignal = syscall.SIGTERM
)

func awaitStopped(int) bool { return false }

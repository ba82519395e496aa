//go:build !linux

package fleet

import (
	"os"
	"os/exec"
)

// Nothing freezes a process here.
var freezeSignal, thawSignal os.Signal

// bindToParent has nothing to bind with here: agents end with their input.
func bindToParent(*exec.Cmd) {}

// cpuSeconds is not measured here.
func cpuSeconds() float64 { return 0 }

// ThreadCPU is not known here.
func ThreadCPU() (ns int64, ok bool) { return 0, false }

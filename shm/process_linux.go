package shm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Self returns the identity of this process. Start is 0 if /proc is not mounted.
func Self() Process { return self() }

var self = sync.OnceValue(func() Process {
	p := Process{PID: os.Getpid()}
	if stat, err := os.ReadFile("/proc/self/stat"); err == nil {
		if _, start, err := parseStat(stat); err == nil {
			p.Start = start
		}
	}
	return p
})

// Alive says, as best it can, whether the process lives; known is false when the machine does not let us tell. A zombie
// is dead. It is right only for a process of this pid namespace.
func (p Process) Alive() (alive, known bool) {
	if p.PID <= 0 {
		return false, false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/stat")
	if err != nil {
		// Without /proc, or with one that hides others' processes, a signal 0 still tells the dead, but not one
		// process from another of the same id.
		err = unix.Kill(p.PID, 0)
		return !errors.Is(err, unix.ESRCH), errors.Is(err, unix.ESRCH)
	}
	state, start, err := parseStat(stat)
	switch {
	case err != nil:
		return false, false
	case state == 'Z' || state == 'X' || state == 'x':
		return false, true
	case p.Start == 0:
		return true, false
	}
	return start == p.Start, true
}

// parseStat returns the state and the start time of a /proc/<pid>/stat, which are fields 3 and 22. Field 2 is the
// program's name in parentheses and may itself hold spaces and parentheses, so counting begins behind the last one.
func parseStat(stat []byte) (state byte, start uint64, err error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("shm: unexpected form of /proc stat %q", stat)
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return fields[0][0], start, err
}

package shm

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Operations of futex(2). They lack FUTEX_PRIVATE_FLAG on purpose: a private futex is found by its virtual address and
// would lose every wake that comes from another process.
const (
	futexWaitBitset = 9
	futexWakeBitset = 10
)

// FutexWait sleeps while *addr holds val, until a FutexWake whose mask shares a bit with mask, or until deadline, an
// absolute time of Now (0 means none). It returns nil when woken, which may also happen for no reason, and otherwise
// ErrChanged, ErrTimeout or ErrInterrupted. It holds an operating system thread for as long as it sleeps.
func FutexWait(addr *uint32, val uint32, mask uint32, deadline int64) error {
	if mask == 0 {
		panic("shm: FutexWait with an empty mask would never be woken")
	}
	if deadline < 0 {
		return ErrTimeout
	}
	return waited(futexWait(addr, val, mask, deadline))
}

// FutexWaitBriefly is FutexWait without telling the scheduler of Go, so that neither going to sleep nor waking up has
// to wait for it: measured, a third of what a sleeper costs that is woken thousands of times a second, most of it in
// another thread, which takes processors away from threads in system calls. It keeps one of GOMAXPROCS processors for
// as long as it sleeps, so deadline, which must be given, should be near, and few should sleep at a time. The garbage
// collector does not wait for it: it interrupts the sleeper by a signal, and the error is ErrInterrupted.
func FutexWaitBriefly(addr *uint32, val uint32, mask uint32, deadline int64) error {
	if mask == 0 || deadline == 0 {
		panic("shm: FutexWaitBriefly with an empty mask or no deadline")
	}
	if deadline < 0 {
		return ErrTimeout
	}
	return waited(futexWaitBriefly(addr, val, mask, deadline))
}

func waited(errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.EAGAIN:
		return ErrChanged
	case unix.ETIMEDOUT:
		return ErrTimeout
	case unix.EINTR:
		return ErrInterrupted
	case unix.EFAULT:
		return fmt.Errorf("%w: futex word", ErrFault)
	default:
		return os.NewSyscallError("futex", errno)
	}
}

// FutexWake wakes up to n sleepers on addr whose mask shares a bit with mask, and returns how many it woke.
func FutexWake(addr *uint32, n int, mask uint32) (int, error) {
	if mask == 0 {
		panic("shm: FutexWake with an empty mask would wake nobody")
	}
	switch woken, errno := futexWake(addr, min(n, math.MaxInt32), mask); errno {
	case 0:
		return woken, nil
	case unix.EFAULT:
		return 0, fmt.Errorf("%w: futex word", ErrFault)
	default:
		return 0, os.NewSyscallError("futex", errno)
	}
}

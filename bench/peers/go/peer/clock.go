package peer

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// now is the monotonic clock that all processes share.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("read the clock: %v", err)) // the clock is always there
	}
	return ts.Nano()
}

// usage is processor time that the process used so far, in seconds.
type usage float64

func used() usage {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return usage(time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds())
}

// since enters what was used since then into a report.
func (u usage) since(r *proto.Report) { r.CPUSeconds = float64(used() - u) }

// deadline is a flag that rises after a time; looking at it costs a load.
type deadline struct {
	risen atomic.Bool
	timer *time.Timer
}

func after(d time.Duration) *deadline {
	v := &deadline{}
	v.timer = time.AfterFunc(d, func() { v.risen.Store(true) })
	return v
}

func (d *deadline) passed() bool { return d.risen.Load() }

// clockCost is what one reading of the clock takes. Every round trip has one in
// it, which is taken off.
func clockCost() int64 {
	costs := make([]int64, 1024)
	for i := range costs {
		const reads = 8
		start := time.Now()
		var end time.Time
		for range reads {
			end = time.Now()
		}
		costs[i] = end.Sub(start).Nanoseconds() / reads
	}
	slices.Sort(costs)
	return costs[len(costs)/2]
}

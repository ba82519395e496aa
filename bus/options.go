package bus

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rvoip/shmbus/shm"
)

// Options say how a process takes part. A nil *Options means all defaults.
type Options struct {
	// Dir is the directory of the region. Default $SHMBUS_DIR, then /dev/shm.
	Dir string
	// Mode and Group are the permissions of a region that Open creates:
	// default 0600, and 0660 if Group, a group id, is given.
	Mode  os.FileMode
	Group int
	// Process names this participant for viewers. Default the base name of
	// the program.
	Process string
	// Geometry is the shape of a region that Open creates. When the region
	// exists, what is not zero must be as the region has it.
	Geometry Geometry
	// Join never creates a region.
	Join bool
	// Wait says how subscriptions wait. Default WaitAuto.
	Wait Wait
	// Timeout bounds each receive call and each turn of a loop that finds no
	// event and has no earlier deadline: it returns ErrTimeout. Try calls do not
	// wait, and ReceiveTimeout has a bound of its own. Default 0, no bound.
	Timeout time.Duration
	// Heal bounds each sleep, which heals a wake that was lost because its
	// waker died. Default 20ms.
	Heal time.Duration
	// PortsPerLane is how many ports of a lane the shared publishers of this
	// process may take, one for each that publishes at the same time.
	// Default 2.
	PortsPerLane int
	// RecoverEvery is how often this process looks for dead ones to clean up
	// after. Default 500ms. Nobody waits for it: producers that wait for
	// room look for themselves.
	RecoverEvery time.Duration
	// OnMetrics, if not nil, gets a snapshot of the region every MetricsEvery,
	// by default 10s, in a goroutine that ends with Close. While it runs, no
	// other call of it is made, and Close does not wait for it; after Close no
	// call begins.
	OnMetrics    func(Snapshot) `json:"-"`
	MetricsEvery time.Duration
}

func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Process == "" {
		v.Process = filepath.Base(os.Args[0])
	}
	if v.Wait == 0 {
		v.Wait = WaitAuto
	}
	if v.Heal == 0 {
		v.Heal = 20 * time.Millisecond
	}
	if v.PortsPerLane == 0 {
		v.PortsPerLane = 2
	}
	if v.RecoverEvery == 0 {
		v.RecoverEvery = 500 * time.Millisecond
	}
	if v.MetricsEvery == 0 && v.OnMetrics != nil {
		v.MetricsEvery = metricsEvery
	}
	switch {
	case v.MetricsEvery < 0:
		return v, fmt.Errorf("%w: MetricsEvery is %v, must not be negative", ErrOptions, v.MetricsEvery)
	case v.MetricsEvery > 0 && v.OnMetrics == nil:
		return v, fmt.Errorf("%w: MetricsEvery is %v, but OnMetrics, which it is for, is nil", ErrOptions, v.MetricsEvery)
	case v.Heal < 0:
		return v, fmt.Errorf("%w: Heal is %v, must not be negative", ErrOptions, v.Heal)
	case v.Timeout < 0:
		return v, fmt.Errorf("%w: Timeout is %v, must not be negative; 0 is no bound", ErrOptions, v.Timeout)
	case v.PortsPerLane < 0:
		return v, fmt.Errorf("%w: PortsPerLane is %d, must not be negative", ErrOptions, v.PortsPerLane)
	case v.RecoverEvery < 0:
		return v, fmt.Errorf("%w: RecoverEvery is %v, must not be negative", ErrOptions, v.RecoverEvery)
	case v.Wait > WaitSpin:
		return v, fmt.Errorf("%w: Wait is %d, must be WaitAuto, WaitPark or WaitSpin", ErrOptions, v.Wait)
	}
	return v, nil
}

func (o *Options) shm() *shm.Options {
	return &shm.Options{Dir: o.Dir, Mode: o.Mode, Group: o.Group}
}

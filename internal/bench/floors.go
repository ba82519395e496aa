package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
)

const (
	roleFloorLead = "floor-lead"
	roleFloorEcho = "floor-echo"
	roleFanWrite  = "floor-fan-write"
	roleFanRead   = "floor-fan-read"
)

type floorConfig struct {
	Memory  bare          `json:"memory"`
	Options floor.Options `json:"options"`
}

// measureFloors runs the floors between two processes of their own.
func (t *trial) measureFloors(ctx context.Context, budget time.Duration) (r floor.Result, err error) {
	o := floor.Options{Size: (t.config.Size + 7) &^ 7, Batch: t.config.Batch, Verify: t.config.Verify, Budget: budget}
	c := floorConfig{Memory: t.bare("floor", floor.Size(o)), Options: o}
	_, done, err := c.Memory.make()
	if err != nil {
		return r, fmt.Errorf("make a region for the floors: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := oneDone(ctx, &r, specsOf(c, roleFloorEcho, roleFloorLead)...); err != nil || !t.fans() {
		return r, err
	}
	r.FanEventNS, err = t.measureFan(ctx, o)
	return r, err
}

// fans tells whether the run is one event to many, and waits as the fan does.
func (t *trial) fans() bool {
	c := &t.config
	return t.workload.fans && c.Pubs == 1 && c.Subs > 1 && c.Wait != waitSpin && c.Batch <= min(floor.MostBatch, c.Capacity/2)
}

// fanConfig is what each role of a fan gets.
type fanConfig struct {
	floorConfig
	Readers  int `json:"readers"`
	Capacity int `json:"capacity"`
	Reader   int `json:"reader"`
}

// measureFan runs a bare ring from one process to as many as the run has, or within one
// process where the run does.
func (t *trial) measureFan(ctx context.Context, o floor.Options) (ns float64, err error) {
	c := fanConfig{Readers: t.config.Subs, Capacity: t.config.Capacity}
	o.Together = t.config.Local
	c.Options, c.Memory = o, t.bare("fan", floor.FanSize(o, c.Readers, c.Capacity))
	_, done, err := c.Memory.make()
	if err != nil {
		return 0, fmt.Errorf("make a region for the fan: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	var specs []fleet.Spec
	for c.Reader = range c.Readers {
		specs = append(specs, mustSpec(roleFanRead, c))
	}
	specs = append(specs, mustSpec(roleFanWrite, c))
	if t.config.Local {
		err = crewDone(ctx, &ns, specs)
	} else {
		err = oneDone(ctx, &ns, specs...)
	}
	return ns, err
}

func fanWrite(ctx context.Context, _ *fleet.Station, config []byte) (any, error) {
	var ns float64
	err := overFan(ctx, config, func(f *floor.Fan, _ int) (err error) {
		ns, err = f.Write()
		return err
	})
	return ns, err
}

func fanRead(ctx context.Context, _ *fleet.Station, config []byte) (any, error) {
	return nil, overFan(ctx, config, (*floor.Fan).Read)
}

func overFan(ctx context.Context, config []byte, fn func(f *floor.Fan, reader int) error) error {
	var c fanConfig
	if err := understand(config, &c); err != nil {
		return err
	}
	return c.Memory.over(func(mem []byte) error {
		f, err := floor.NewFan(ctx, mem, c.Options, c.Readers, c.Capacity)
		if err != nil {
			return err
		}
		return fn(f, c.Reader)
	})
}

func floorLead(ctx context.Context, _ *fleet.Station, config []byte) (any, error) {
	var r floor.Result
	err := overFloor(config, func(mem []byte, o floor.Options) (err error) {
		r, err = floor.Lead(ctx, mem, o)
		return err
	})
	return r, err
}

func floorEcho(ctx context.Context, _ *fleet.Station, config []byte) (any, error) {
	return nil, overFloor(config, func(mem []byte, o floor.Options) error {
		return floor.Echo(ctx, mem, o)
	})
}

func overFloor(config []byte, fn func([]byte, floor.Options) error) error {
	var c floorConfig
	if err := understand(config, &c); err != nil {
		return err
	}
	return c.Memory.over(func(mem []byte) error { return fn(mem, c.Options) })
}

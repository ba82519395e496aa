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
	err = oneDone(ctx, &r, specsOf(c, roleFloorEcho, roleFloorLead)...)
	return r, err
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

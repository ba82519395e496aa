package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/shm"
)

const (
	roleFloorLead = "floor-lead"
	roleFloorEcho = "floor-echo"

	// floorLock is the lock byte the conductor holds, so that nobody takes the
	// floors' region for a leftover.
	floorLock = 1
)

type floorConfig struct {
	Region  string        `json:"region"`
	Dir     string        `json:"dir"`
	Options floor.Options `json:"options"`
}

// measureFloors runs the floors between two processes of their own.
func (t *trial) measureFloors(ctx context.Context, budget time.Duration) (_ floor.Result, err error) {
	c := floorConfig{
		Region: t.region + "-floor",
		Dir:    t.dir,
		Options: floor.Options{
			Size: t.config.Size, Batch: t.config.Batch, Verify: t.config.Verify, Budget: budget,
		},
	}
	o := &shm.Options{Dir: c.Dir, Size: int64(shm.HeaderSize + floor.Size(c.Options))}
	r, err := shm.Create(c.Region, o)
	if err != nil {
		return floor.Result{}, fmt.Errorf("make a region for the floors: %w", err)
	}
	defer func() {
		err = errors.Join(err, r.Release(), shm.Remove(c.Region, o))
	}()
	if _, err := r.TryLock(floorLock); err != nil {
		return floor.Result{}, fmt.Errorf("lock the region of the floors: %w", err)
	}
	crew, err := fleet.NewCrew(ctx, nil)
	if err != nil {
		return floor.Result{}, err
	}
	defer crew.Close()
	var lead *fleet.Proc
	for _, kind := range []string{roleFloorEcho, roleFloorLead} {
		spec, err := fleet.NewSpec(kind, c)
		if err != nil {
			return floor.Result{}, err
		}
		if lead, err = crew.Start(spec); err != nil {
			return floor.Result{}, err
		}
	}
	var res floor.Result
	if err := lead.Members[0].AwaitDone(&res); err != nil {
		return floor.Result{}, err
	}
	_, err = crew.Usage()
	return res, err
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
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	r, err := shm.Open(c.Region, &shm.Options{Dir: c.Dir})
	if err != nil {
		return fmt.Errorf("open the region of the floors: %w", err)
	}
	err = fn(r.Bytes()[shm.HeaderSize:], c.Options)
	return errors.Join(err, r.Release())
}

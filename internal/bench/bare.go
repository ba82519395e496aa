package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/shm"
)

// bareLock is the lock byte the conductor holds, so that nobody takes a bare
// region for a leftover.
const bareLock = 1

// bare is memory shared by roles beside the bus: for what the bus is measured by.
type bare struct {
	Region string `json:"region"`
	Dir    string `json:"dir"`
	Size   int    `json:"size"`
}

// bare names one of so many bytes.
func (t *trial) bare(suffix string, size int) bare {
	return bare{Region: t.region + "-" + suffix, Dir: t.dir, Size: size}
}

// make creates it, all zero; done removes it.
func (b bare) make() (r *shm.Region, done func() error, err error) {
	o := &shm.Options{Dir: b.Dir, Size: int64(shm.HeaderSize + b.Size)}
	r, err = shm.Create(b.Region, o)
	if err != nil {
		return nil, nil, fmt.Errorf("make bare memory: %w", err)
	}
	done = func() error { return errors.Join(r.Release(), shm.Remove(b.Region, o)) }
	if _, err := r.TryLock(bareLock); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("lock bare memory: %w", err), done())
	}
	return r, done, nil
}

// over runs fn on it in a role.
func (b bare) over(fn func(mem []byte) error) error {
	r, err := shm.Open(b.Region, &shm.Options{Dir: b.Dir})
	if err != nil {
		return fmt.Errorf("open bare memory: %w", err)
	}
	err = fn(r.Bytes()[shm.HeaderSize:])
	return errors.Join(err, r.Release())
}

// oneDone starts a crew of one process for each spec and returns when all ended;
// the result of the last goes to v.
func oneDone(ctx context.Context, v any, specs ...fleet.Spec) error {
	var processes [][]fleet.Spec
	for _, spec := range specs {
		processes = append(processes, []fleet.Spec{spec})
	}
	return crewDone(ctx, v, processes...)
}

// crewDone is oneDone of processes that have several roles.
func crewDone(ctx context.Context, v any, processes ...[]fleet.Spec) error {
	crew, err := fleet.NewCrew(ctx, nil)
	if err != nil {
		return err
	}
	defer crew.Close()
	var last *fleet.Proc
	for _, specs := range processes {
		if last, err = crew.Start(specs...); err != nil {
			return err
		}
	}
	if err := last.Members[len(last.Members)-1].AwaitDone(v); err != nil {
		return err
	}
	_, err = crew.Usage()
	return err
}

// specsOf makes specs of the same configuration.
func specsOf(config any, kinds ...string) (specs []fleet.Spec) {
	for _, kind := range kinds {
		specs = append(specs, mustSpec(kind, config))
	}
	return specs
}

// mustSpec is fleet.NewSpec for configurations of ours, which marshal.
func mustSpec(kind string, config any) fleet.Spec {
	s, err := fleet.NewSpec(kind, config)
	if err != nil {
		panic(err)
	}
	return s
}

// understand reads the configuration of a role.
func understand(config []byte, c any) error {
	if err := json.Unmarshal(config, c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return nil
}

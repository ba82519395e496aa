package bench

import (
	"errors"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/bench/fleet"
)

// evictAfter is long, so that a machine with other work to do does not turn a
// subscriber that had no processor into a lost event.
const evictAfter = 30 * time.Second

const (
	waitPark = "park"
	waitSpin = "spin"
)

func parseWait(s string) (bus.Wait, error) {
	switch s {
	case "auto":
		return bus.WaitAuto, nil
	case waitPark:
		return bus.WaitPark, nil
	case waitSpin:
		return bus.WaitSpin, nil
	}
	return 0, misuse("-wait %q: want spin, park or auto", s)
}

func parsePolicy(s string) bus.Policy {
	if s == policyLossy {
		return bus.Lossy
	}
	return bus.Reliable
}

// geometry has the lanes of the workload, and the others as small as they get; all
// of them beside a static ring.
func (c Config) geometry(lanes ...bus.Priority) bus.Geometry {
	if c.Static {
		lanes = nil
	}
	g := bus.Geometry{Participants: c.participants(), Subscribers: c.subscriptions(), Types: 16}
	for p := bus.Critical; p <= bus.Low; p++ {
		*g.Lane(p) = bus.LaneGeometry{Shards: 1, Capacity: 2, SlotSize: 64, Ports: 1, Pins: 1, Batch: 1}
	}
	for _, p := range lanes {
		*g.Lane(p) = bus.LaneGeometry{
			Shards:     1,
			Capacity:   c.Capacity,
			SlotSize:   c.slotSize(),
			Policy:     parsePolicy(c.Policy),
			Ports:      c.Pubs + 2,
			Pins:       c.window() * c.receivers(),
			Batch:      c.Batch,
			EvictAfter: evictAfter,
			NoTime:     !c.Stamp,
		}
		if c.Pack {
			*g.Lane(p) = c.packs(*g.Lane(p))
		}
	}
	return g
}

// place is where a role finds its bus.
type place struct {
	Region string       `json:"region"`
	Dir    string       `json:"dir"`
	Local  bool         `json:"local"`
	Wait   bus.Wait     `json:"wait"`
	Shape  bus.Geometry `json:"shape"`
}

func (t *trial) place(lanes ...bus.Priority) (place, error) {
	w, err := parseWait(t.config.Wait)
	return place{
		Region: t.region, Dir: t.dir, Local: t.config.Local, Wait: w, Shape: t.config.geometry(lanes...),
	}, err
}

// make creates the region for the processes to join. The caller's hold on it
// keeps it from being taken for a leftover; done removes it. In-process runs
// need none.
func (p place) make() (done func() error, err error) {
	if p.Local {
		return func() error { return nil }, nil
	}
	o := &bus.Options{Dir: p.Dir, Process: "shmbench", Geometry: p.Shape}
	b, err := bus.Open(p.Region, o)
	if err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(b.Close(), bus.RemoveForce(p.Region, &bus.Options{Dir: p.Dir}))
	}, nil
}

// open gives a role the bus of its process.
func (p place) open(st *fleet.Station, process string) (*bus.Bus, error) {
	v, err := st.Shared("bus", func() (any, error) {
		if p.Local {
			return bus.OpenLocal(&bus.Options{Process: "shmbench", Wait: p.Wait, Geometry: p.Shape})
		}
		return bus.Open(p.Region, &bus.Options{Dir: p.Dir, Join: true, Process: process, Wait: p.Wait})
	})
	if err != nil {
		return nil, err
	}
	return v.(*bus.Bus), nil
}

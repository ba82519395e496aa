package torture

import (
	"time"

	"github.com/rvoip/shmbus/bus"
)

// The shape of the region under torture: every lane is small, so that it is full,
// lapped and wound round all the time, and every patience is short, so that some
// freezes are longer than all of them.
const (
	regionName = "torture"
	groupName  = "work"
	evictAfter = 150 * time.Millisecond
	holdFor    = 20 * time.Second // of the durable subscription that is waited for
	holdEvents = 24               // of the one that is not, and of the one that blocks
	heal       = 20 * time.Millisecond
	highShards = 4
	window     = 4
	patience   = 60 * time.Second // of the supervisor, with its processes
)

// lanes are all lanes of the region, in the order of its snapshots.
var lanes = func() (all []bus.LaneID) {
	g := geometry()
	for p := bus.Critical; p <= bus.Low; p++ {
		for shard := range g.Lane(p).Shards {
			all = append(all, bus.LaneID{Priority: p, Shard: shard})
		}
	}
	return all
}()

// laneOf is the index of a lane.
func laneOf(p bus.Priority, shard int) int {
	for i, l := range lanes {
		if l.Priority == p && l.Shard == shard {
			return i
		}
	}
	return -1
}

// lossy tells whether lane l overwrites.
func lossy(l int) bool { return lanes[l].Priority == bus.Low }

func geometry() bus.Geometry {
	lane := func(capacity, shards int, policy bus.Policy) bus.LaneGeometry {
		return bus.LaneGeometry{
			Shards: shards, Capacity: capacity, SlotSize: 128, Policy: policy,
			Ports: 24, Pins: 160, Batch: 8, EvictAfter: evictAfter,
		}
	}
	return bus.Geometry{
		Participants: 64, Subscribers: 64, Types: 4,
		Critical: lane(64, 1, bus.Reliable), High: lane(64, highShards, bus.Reliable),
		Normal: lane(128, 1, bus.Reliable), Low: lane(64, 1, bus.Lossy),
	}
}

// options are those of a process of the run whose files are in dir. A calm one, of
// a soak, sleeps longer and looks for the dead less often.
func options(dir, process string, calm bool) *bus.Options {
	o := &bus.Options{
		Dir: dir, Process: process, Geometry: geometry(), Join: process != supervising,
		Heal: heal, RecoverEvery: 100 * time.Millisecond,
	}
	if calm {
		o.Heal, o.RecoverEvery = 5*heal, time.Second
	}
	return o
}

const supervising = "supervisor"

package bench

import (
	"context"

	"github.com/rvoip/shmbus/internal/bench/fleet"
)

// workload is one thing to measure.
type workload struct {
	name  string
	usage string
	// defaults is the configuration it has when nothing is said.
	defaults Config
	// check refuses what this workload cannot do, after Config.check.
	check func(Config) error
	// run does it once. Floors and the machine are added by the session.
	run func(context.Context, *trial) (*Result, error)
	// roles are what its processes do.
	roles map[string]fleet.Role
}

var workloads = []*workload{seedWorkload, fanoutWorkload, pingpongWorkload}

// roles are those of all workloads: an agent can be any.
func roles() map[string]fleet.Role {
	all := map[string]fleet.Role{roleFloorLead: floorLead, roleFloorEcho: floorEcho}
	for _, w := range workloads {
		for name, role := range w.roles {
			all[name] = role
		}
	}
	return all
}

// trial is one run of a workload.
type trial struct {
	workload *workload
	config   Config
	region   string // a name nobody else has
	dir      string
	progress *progress
}

// crew makes processes for the trial.
func (t *trial) crew(ctx context.Context) (*fleet.Crew, error) {
	return fleet.NewCrew(ctx, &fleet.CrewOptions{Counts: t.progress.shown()})
}

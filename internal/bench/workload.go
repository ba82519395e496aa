package bench

import (
	"context"
	"maps"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/internal/bench/fleet"
)

// workload is one thing to measure.
type workload struct {
	name  string
	usage string
	// defaults is the configuration it has when nothing is said.
	defaults Config
	// flags are those that no other workload has; they set fields of the
	// configuration, which has its defaults.
	flags func(*Config) []cli.Flag
	// steps is how often it takes the duration of the configuration, one after
	// the other. Default once.
	steps func(Config) int
	// ownSize says that its events have a size of their own, which it checks.
	ownSize bool
	// fans says that a bare ring to all its subscribers is a floor of it.
	fans bool
	// check refuses what this workload cannot do, after Config.check.
	check func(Config) error
	// run does it once. Floors and the machine are added by the session.
	run func(context.Context, *trial) (*Result, error)
	// roles are what its processes do.
	roles map[string]fleet.Role
}

var workloads = []*workload{seedWorkload, fanoutWorkload, pingpongWorkload, wakeWorkload, floodWorkload, rtpWorkload, scaleWorkload, sizeWorkload, crashWorkload}

// roles are those of all workloads: an agent can be any.
func roles() map[string]fleet.Role {
	all := map[string]fleet.Role{roleFloorLead: floorLead, roleFloorEcho: floorEcho, roleFanWrite: fanWrite, roleFanRead: fanRead}
	for _, w := range workloads {
		maps.Copy(all, w.roles)
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
	// floorBudget is the time for each floor that the workload measures itself.
	floorBudget time.Duration
}

// with is the trial with another configuration, over a region of its own.
func (t *trial) with(c Config, suffix string) *trial {
	other := *t
	other.config, other.region = c, t.region+"-"+suffix
	return &other
}

// crew makes processes for the trial.
func (t *trial) crew(ctx context.Context) (*fleet.Crew, error) {
	return fleet.NewCrew(ctx, &fleet.CrewOptions{Counts: t.progress.shown()})
}

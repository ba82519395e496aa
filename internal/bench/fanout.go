package bench

import (
	"context"
	"time"

	"github.com/urfave/cli/v3"
)

// fanoutWorkload is publishers and subscribers in any number.
var fanoutWorkload = &workload{
	name:  "fanout",
	usage: "any number of publishers and subscribers, any size and batch",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: 64, Batch: 1, Read: 64, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 3 * time.Second,
	},
	fans: true,
	flags: func(c *Config) []cli.Flag {
		return []cli.Flag{&cli.BoolFlag{Name: "pack", Destination: &c.Pack, Usage: "publish each batch as a pack, in one event of the bus; sizes with a type of their own only"}}
	},
	run:   func(ctx context.Context, t *trial) (*Result, error) { return runStream(ctx, t, false) },
	roles: streamRoles,
}

package bench

import (
	"context"
	"time"
)

// fanoutWorkload is publishers and subscribers in any number.
var fanoutWorkload = &workload{
	name:  "fanout",
	usage: "any number of publishers and subscribers, any size and batch",
	defaults: Config{
		Pubs: 1, Subs: 1, Size: 64, Batch: 1, Read: 64, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 3 * time.Second,
	},
	run:   func(ctx context.Context, t *trial) (*Result, error) { return runStream(ctx, t, false) },
	roles: streamRoles,
}

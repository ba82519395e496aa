package bench

import (
	"context"
	"time"

	"github.com/rvoip/shmbus/internal/bench/payload"
)

// seedWorkload is RVOIP's own benchmark of its in-process event bus, over ours:
// one publisher, five subscribers, one event per publish, nothing lost.
var seedWorkload = &workload{
	name:  "seed",
	usage: "RVOIP's own benchmark: 1 publisher, 5 subscribers, one event per publish, lossless",
	defaults: Config{
		Pubs: 1, Subs: 5, Size: payload.SeedSize, Batch: 1, Read: 64, Capacity: 16384,
		Wait: "auto", Policy: policyReliable, Verify: true, Duration: 3 * time.Second,
	},
	check: func(c Config) error {
		if c.Size != payload.SeedSize {
			return misuse("-size %d: the event of seed has %d bytes; fanout takes any size", c.Size, payload.SeedSize)
		}
		return c.noMatch("seed")
	},
	fans:  true,
	run:   func(ctx context.Context, t *trial) (*Result, error) { return runStream(ctx, t, true) },
	roles: streamRoles,
}

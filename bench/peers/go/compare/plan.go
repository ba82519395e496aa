package compare

import (
	"fmt"
	"slices"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
	"github.com/rvoip/shmbus/bench/peers/go/proto"
)

// cell is a column of the table: what every contestant does.
type cell struct {
	workload   string
	subs, size int
	batch      int
}

// cells are those of the comparison, in the order of the table.
var cells = []cell{
	{proto.Seed, 5, 48, 1},
	{proto.Fanout, 1, 64, 1},
	{proto.Fanout, 1, 64, 64},
	{proto.Fanout, 5, 64, 1},
	{proto.Fanout, 5, 64, 64},
	{proto.Fanout, 5, 256, 1},
	{proto.Fanout, 5, 256, 64},
	{proto.Pingpong, 1, 64, 1},
}

func (c cell) isLatency() bool { return c.workload == proto.Pingpong }
func (c cell) isBatch() bool   { return c.batch > 1 }

// title is the cell in a few words.
func (c cell) title() string {
	switch c.workload {
	case proto.Seed:
		return "seed, 48 B, 1 to 5"
	case proto.Pingpong:
		return "one way, p50 / p99"
	}
	t := fmt.Sprintf("1 to %d, %d B", c.subs, c.size)
	if c.batch > 1 {
		t += fmt.Sprintf(", batch %d", c.batch)
	}
	return t
}

// unit is that of the cell's figure.
func (c cell) unit() string {
	if c.isLatency() {
		return "ns"
	}
	return "M/s"
}

func (c cell) config(o Options) proto.Config {
	d := conduct.Defaults(c.workload)
	d.Subs, d.Size, d.Batch = c.subs, c.size, c.batch
	d.DurationNS = o.Duration
	return d
}

// only keeps the cells of the named workloads.
func only(workloads []string) ([]cell, error) {
	for _, w := range workloads {
		if !slices.ContainsFunc(cells, func(c cell) bool { return c.workload == w }) {
			return nil, fmt.Errorf("no workload is called %q; there are seed, fanout and pingpong", w)
		}
	}
	var kept []cell
	for _, c := range cells {
		if slices.Contains(workloads, c.workload) {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

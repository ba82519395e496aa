package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// figures are what the comparison takes from a result.
type figures struct {
	PublishedPerS float64 `json:"published_per_s"`
	DeliveredPerS float64 `json:"delivered_per_s"`
	Lost          uint64  `json:"lost"`
	Published     uint64  `json:"published"`
	Delivered     uint64  `json:"delivered"`
	Latency       *struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"latency_ns"`
	Floor *struct {
		SPSC      float64 `json:"spsc_ns"`
		SPSCEvent float64 `json:"spsc_event_ns"`
	} `json:"floor"`

	raw json.RawMessage
}

// figure is what medians are taken of.
func (f figures) figure(c cell) float64 {
	if c.isLatency() {
		if f.Latency == nil {
			return 0
		}
		return f.Latency.P50
	}
	// What every subscriber got: a peer that loses events publishes more.
	return f.DeliveredPerS / float64(c.subs)
}

// outcome is what became of a contestant in a cell, over all rounds.
type outcome struct {
	all    []figures
	failed []string
}

// median is the run in the middle, the lower of two.
func (o *outcome) median(c cell) (figures, bool) {
	if o == nil || len(o.all) == 0 {
		return figures{}, false
	}
	s := slices.Clone(o.all)
	slices.SortStableFunc(s, func(a, b figures) int {
		switch x, y := a.figure(c), b.figure(c); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return s[(len(s)-1)/2], true
}

// spread is how far the runs lie apart, as a part of the median.
func (o *outcome) spread(c cell) float64 {
	m, ok := o.median(c)
	if !ok || m.figure(c) == 0 {
		return 0
	}
	least, most := m.figure(c), m.figure(c)
	for _, f := range o.all {
		least, most = min(least, f.figure(c)), max(most, f.figure(c))
	}
	return (most - least) / m.figure(c)
}

// board has all outcomes.
type board struct {
	cells   []cell
	rows    []contestant
	rounds  int // that were finished
	results [][]*outcome
}

func newBoard(cs []cell, rows []contestant) *board {
	b := &board{cells: cs, rows: rows, results: make([][]*outcome, len(rows))}
	for i := range b.results {
		b.results[i] = make([]*outcome, len(cs))
	}
	return b
}

// play runs rounds: in each, every cell in turn, and in a cell every contestant
// after the other, so that all see the machine's good hours and bad ones. It
// begins no round that would not end within the budget.
func (b *board) play(ctx context.Context, o Options, progress io.Writer) error {
	begin := time.Now()
	var longest time.Duration
	for ; b.rounds < o.Rounds; b.rounds++ {
		if b.rounds > 0 && time.Since(begin)+longest > o.Budget {
			fmt.Fprintf(progress, "round %d would not end within %v: %d rounds it is\n", b.rounds+1, o.Budget, b.rounds)
			return nil
		}
		start := time.Now()
		for i, c := range b.cells {
			fmt.Fprintf(progress, "round %d of %d: %s\n", b.rounds+1, o.Rounds, c.title())
			for j, who := range b.rows {
				if err := b.one(ctx, o, who, c, &b.results[j][i]); err != nil {
					return err
				}
				if r := b.results[j][i]; r != nil && len(r.failed) > 0 {
					fmt.Fprintf(progress, "  %s failed: %s\n", who.peer().Name, r.failed[len(r.failed)-1])
				}
			}
		}
		longest = max(longest, time.Since(start))
	}
	return nil
}

// one runs a contestant once. What failed twice is not tried again.
func (b *board) one(ctx context.Context, o Options, who contestant, c cell, into **outcome) error {
	const tries = 2
	if !who.can(c) {
		return nil
	}
	if *into == nil {
		*into = &outcome{}
	}
	r := *into
	if len(r.failed) >= tries {
		return nil
	}
	raw, err := who.run(ctx, c, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := figures{raw: raw}
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err == nil && f.figure(c) <= 0 {
		err = fmt.Errorf("%s %s: the result has no figure", who.peer().Name, c.workload)
	}
	if err != nil {
		r.failed = append(r.failed, err.Error())
		return nil
	}
	r.all = append(r.all, f)
	return nil
}

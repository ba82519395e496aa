package bench

import (
	"context"
	"fmt"

	"github.com/rvoip/shmbus/internal/bench/floor"
)

// Point is one step of a workload that has several, with floors of its own.
type Point struct {
	// Kind tells apart what a workload varies, where it varies several things.
	Kind     string `json:"kind,omitempty"`
	Pubs     int    `json:"pubs"`
	Subs     int    `json:"subs"`
	Size     int    `json:"size"`
	Capacity int    `json:"capacity"`

	Published     uint64  `json:"published"`
	Delivered     uint64  `json:"delivered"`
	PublishedPerS float64 `json:"published_per_s,omitempty"`
	DeliveredPerS float64 `json:"delivered_per_s,omitempty"`
	BytesPerS     float64 `json:"bytes_per_s,omitempty"` // of values, published
	// PublishNS is the cost of an event: wall time, or, where the kind says so,
	// the publisher's processor time.
	PublishNS float64 `json:"publish_ns"`
	// OfFirst is the figure set beside that of the first point of its kind: the
	// cost, or the rate where publishers are many.
	OfFirst float64 `json:"of_first,omitempty"`

	Floor floor.Result `json:"floor"`
	// Ratio sets the cost beside the floor that RatioOf names, CopyRatio beside
	// a copy of the bytes.
	Ratio     float64 `json:"ratio"`
	RatioOf   string  `json:"ratio_of"`
	CopyRatio float64 `json:"copy_ratio,omitempty"`
}

// floorShare is the part of the time for floors that those of a point get, before
// and again after it.
const floorShare = 4

// step runs one step of a workload between floors of its own. What went wrong
// goes to the result of the whole.
func (t *trial) step(ctx context.Context, r *Result, p Point, run func(context.Context) (*Result, error)) (Point, error) {
	name := fmt.Sprintf("%s, %d to %d, %d B", t.workload.name, p.Pubs, p.Subs, p.Size)
	t.progress.say(name + ": floors")
	before, err := t.measureFloors(ctx, t.floorBudget/floorShare)
	if err != nil {
		return p, err
	}
	t.progress.say(name)
	s, err := run(ctx)
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	after, err := t.measureFloors(ctx, t.floorBudget/floorShare)
	if err != nil {
		return p, err
	}
	p.Floor = floor.Best(before, after)
	p.Published, p.Delivered = s.Published, s.Delivered
	p.PublishedPerS, p.DeliveredPerS = s.PublishedPerS, s.DeliveredPerS
	p.PublishNS = s.PublishNS
	r.add(s)
	return p, nil
}

// add sums up the result of a step.
func (r *Result) add(s *Result) {
	r.Seconds += s.Seconds
	r.Published += s.Published
	r.Delivered += s.Delivered
	r.Lost += s.Lost
	r.Missed += s.Missed
	r.Disordered += s.Disordered
	r.Corrupt += s.Corrupt
	r.CPUSeconds += s.CPUSeconds
	r.AllocsPerEvent = max(r.AllocsPerEvent, s.AllocsPerEvent)
}

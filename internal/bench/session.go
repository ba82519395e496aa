package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rvoip/shmbus/internal/bench/floor"
	"github.com/rvoip/shmbus/internal/buildinfo"
	"github.com/rvoip/shmbus/shm"
)

const (
	regionPrefix = "shmbench-"
	floorBudget  = 100 * time.Millisecond

	// patience is how much longer than it publishes a run may take.
	patience = 2 * time.Minute
	// stepPatience is how much longer each step may take of a run that has
	// several: its processes start and its floors are measured.
	stepPatience = 20 * time.Second
)

// session is the runs of one command.
type session struct {
	workload *workload
	config   Config
	runs     int
	dir      string
	progress *progress
	// floorBudget is the time for each floor.
	floorBudget time.Duration
}

// run measures the floors, then each run followed by the floors again: those
// between two runs serve both.
func (s *session) run(ctx context.Context) ([]*Result, error) {
	if err := sweep(s.dir); err != nil {
		return nil, err
	}
	defer s.progress.clear()
	m := thisMachine()
	before, err := s.floors(ctx, s.trial(0))
	if err != nil {
		return nil, err
	}
	var results []*Result
	for i := range s.runs {
		t, began := s.trial(i), time.Now()
		r, err := s.once(ctx, t)
		if err != nil {
			return results, fmt.Errorf("%s: %w", s.workload.name, err)
		}
		after, err := s.floors(ctx, t)
		if err != nil {
			return results, err
		}
		r.Workload, r.Config, r.Machine = s.workload.name, s.config, m
		r.Time, r.Version = began.UTC().Round(time.Second), buildinfo.Version()
		r.FloorBefore, r.FloorAfter, r.Floor = before, after, floor.Best(before, after)
		r.compare()
		before = after
		results = append(results, r)
	}
	return results, nil
}

// once runs the workload, and ends it if it hangs.
func (s *session) once(ctx context.Context, t *trial) (*Result, error) {
	limit := s.config.Duration + patience
	if s.workload.steps != nil {
		limit = time.Duration(s.workload.steps(s.config)) * (s.config.Duration + stepPatience)
		limit += patience
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not at its end after %v: a role hangs", limit))
	defer cancel()
	return s.workload.run(ctx, t)
}

func (s *session) trial(i int) *trial {
	return &trial{
		workload: s.workload,
		config:   s.config,
		region:   fmt.Sprintf("%s%d-%d", regionPrefix, os.Getpid(), i),
		dir:      s.dir,
		progress: s.progress,

		floorBudget: s.floorBudget,
	}
}

func (s *session) floors(ctx context.Context, t *trial) (floor.Result, error) {
	s.progress.say("measuring the machine's floors")
	r, err := t.measureFloors(ctx, s.floorBudget)
	if err != nil {
		return r, fmt.Errorf("measure floors: %w", err)
	}
	return r, nil
}

// compare sets the run beside the floor of its kind.
func (r *Result) compare() {
	if r.setBeside != nil {
		r.setBeside(r)
		return
	}
	if r.figureIsLatency {
		base, name := r.Floor.LineNS, "line_ns"
		if r.Config.Wait == waitPark {
			// Whoever parks is woken for each event: no line's way, but a wake.
			base, name = r.Floor.FutexWakeNS, "futex_wake_ns"
			r.RatioP99 = ratio(float64(r.Latency.P99), r.Floor.FutexWakeP99NS)
		}
		r.Ratio, r.RatioOf = ratio(float64(r.Latency.P50), base), "p50 / "+name
		return
	}
	r.Ratio = ratio(1e9/r.PublishedPerS, r.Floor.SPSCEventNS)
	r.RatioOf = "time per published event / spsc_event_ns"
	r.RatioFan = ratio(1e9/r.PublishedPerS, r.Floor.FanEventNS)
}

// sweep removes regions that earlier benchmarks left because they were killed.
// One that is in use is refused by Remove and stays.
func sweep(dir string) error {
	regions, err := shm.List(dir)
	if err != nil {
		return fmt.Errorf("look for regions of earlier runs: %w", err)
	}
	for _, e := range regions {
		if strings.HasPrefix(e.Name, regionPrefix) {
			_ = shm.Remove(e.Name, &shm.Options{Dir: dir})
		}
	}
	return nil
}

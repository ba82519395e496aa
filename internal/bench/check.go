package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/internal/bench/stat"
	"github.com/rvoip/shmbus/internal/buildinfo"
)

// checked are the command lines that a check runs: short, few, and of each kind.
var checked = []string{
	"seed",
	"fanout -subs 1 -size 64",
	"fanout -subs 1 -size 64 -batch 64",
	"fanout -subs 5 -size 64 -batch 64",
	"fanout -subs 5 -size 64 -batch 64 -capacity 8192 -local",
	"fanout -subs 5 -size 64 -batch 64 -pack",
	"fanout -subs 3 -size 64 -static",
	"pingpong -wait spin",
	"pingpong -wait park",
}

// allocsSlack is how many allocations an event more than stored are none: what the
// run-time itself allocates now and then, divided by few events.
const allocsSlack = 0.05

// ratios are what a check compares with: figures that do not depend much on the
// machine, medians of several runs.
type ratios struct {
	// Taken says when and with what; it is for people.
	Taken struct {
		Time    time.Time `json:"time"`
		Version string    `json:"version"`
		CPUs    int       `json:"cpus"`
	} `json:"taken"`
	Lines []ratioLine `json:"lines"`
}

type ratioLine struct {
	Args           string  `json:"args"`
	Ratio          float64 `json:"ratio"`
	RatioOf        string  `json:"ratio_of"`
	AllocsPerEvent float64 `json:"allocs_per_event"`

	best float64 // of the runs
}

func (r *ratios) line(args string) *ratioLine {
	for i := range r.Lines {
		if r.Lines[i].Args == args {
			return &r.Lines[i]
		}
	}
	return nil
}

func readRatios(name string) (*ratios, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the stored ratios: %w; -store makes them", err)
	}
	r := &ratios{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w; -store makes it anew", name, err)
	}
	for _, l := range r.Lines {
		if !(l.Ratio > 0) || !(l.AllocsPerEvent >= 0) {
			return nil, fmt.Errorf("%s: %q has a ratio of %v and %v allocations; -store makes them anew", name, l.Args, l.Ratio, l.AllocsPerEvent)
		}
	}
	return r, nil
}

type checkOptions struct {
	file, dir string
	runs      int
	duration  time.Duration
	margin    float64
	store     bool
}

// checkCommand is for whoever changed something, by hand: on shared machines
// figures move too much for a build server.
func (a *app) checkCommand() *cli.Command {
	var o checkOptions
	return &cli.Command{
		Name: "check", Usage: "run a short list of workloads and compare their ratios with stored ones",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ratios", Value: "bench/ratios.json", Destination: &o.file, Usage: "the stored ratios are in this `FILE`"},
			&cli.BoolFlag{Name: "store", Destination: &o.store, Usage: "store what is measured instead of comparing it"},
			&cli.FloatFlag{Name: "margin", Value: 2, Destination: &o.margin, Usage: "how many times the stored ratio is still well"},
			&cli.IntFlag{Name: "runs", Value: 5, Destination: &o.runs, Usage: "run each so often, and take the median"},
			&cli.DurationFlag{Name: "duration", Value: time.Second, Destination: &o.duration, Usage: "how long each run publishes"},
			&cli.StringFlag{Name: "dir", Destination: &o.dir, Usage: "directory of the regions; default $SHMBUS_DIR, then /dev/shm"},
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: func(ctx context.Context, c *cli.Command) error {
			switch {
			case c.Args().Present():
				return misuse("check takes no argument %q", c.Args().First())
			case o.runs < 1:
				return misuse("-runs %d: want at least 1", o.runs)
			case o.duration <= 0:
				return misuse("-duration %v: want a time above zero", o.duration)
			case !(o.margin >= 1):
				return misuse("-margin %v: want 1 or more", o.margin)
			}
			return a.check(ctx, o)
		},
	}
}

var errWorse = errors.New("worse than what is stored")

func (a *app) check(ctx context.Context, o checkOptions) error {
	stored := &ratios{}
	if !o.store {
		var err error
		if stored, err = readRatios(o.file); err != nil {
			return err
		}
	}
	now := &ratios{}
	var bad []error
	for i, args := range checked {
		fmt.Fprintf(a.stderr, "%d of %d: shmbench %s\n", i+1, len(checked), args)
		rs, err := a.quietly(ctx, args, o)
		if err != nil {
			return fmt.Errorf("shmbench %s: %w", args, err)
		}
		for _, r := range rs {
			bad = append(bad, r.verdict())
		}
		now.Lines = append(now.Lines, sumRatios(args, rs))
		now.Taken.CPUs = rs[0].Machine.CPUs
	}
	if err := errors.Join(bad...); err != nil {
		return err // nothing is stored of runs that lose events
	}
	if o.store {
		now.Taken.Time, now.Taken.Version = time.Now().UTC().Round(time.Second), buildinfo.Version()
		return a.save(o.file, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(now)
		})
	}
	return a.judge(stored, now, o.margin)
}

// quietly runs a command line that the command has parsed, without its table.
func (a *app) quietly(ctx context.Context, args string, o checkOptions) ([]*Result, error) {
	var results []*Result
	in := &app{stdin: a.stdin, stdout: io.Discard, stderr: a.stderr, floorBudget: a.floorBudget, took: &results}
	line := append([]string{"shmbench"}, strings.Fields(args)...)
	line = append(line, "-runs", fmt.Sprint(o.runs), "-duration", o.duration.String())
	if o.dir != "" {
		line = append(line, "-dir", o.dir)
	}
	if err := in.command().Run(ctx, line); err != nil {
		return nil, err
	}
	return results, nil
}

func sumRatios(args string, rs []*Result) ratioLine {
	var rates, allocs []float64
	for _, r := range rs {
		rates, allocs = append(rates, r.Ratio), append(allocs, r.AllocsPerEvent)
	}
	return ratioLine{
		Args: args, Ratio: math.Round(100*stat.Median(rates)) / 100, RatioOf: rs[0].RatioOf, AllocsPerEvent: stat.Median(allocs),
		best: slices.Min(rates),
	}
}

// judge prints both sides and is an error if one line is worse by the margin.
func (a *app) judge(stored, now *ratios, margin float64) error {
	rows := [][]string{{"", "stored", "now", "", "best run", "allocs", "now", ""}}
	var worse []string
	for _, n := range now.Lines {
		s := stored.line(n.Args)
		if s == nil {
			rows = append(rows, []string{n.Args, "none", fmt.Sprintf("%.2f", n.Ratio), "", fmt.Sprintf("%.2f", n.best), "", fmt.Sprintf("%.3f", n.AllocsPerEvent), "not stored: make bench-ratios"})
			worse = append(worse, n.Args+" (not stored)")
			continue
		}
		verdict := "ok"
		switch {
		case n.RatioOf != s.RatioOf:
			verdict = "another floor: make bench-ratios"
		case n.Ratio > margin*s.Ratio && n.best <= margin*s.Ratio:
			verdict = "worse, but not the best run: is the machine quiet?"
		case n.Ratio > margin*s.Ratio:
			verdict = fmt.Sprintf("worse than %.1f times", margin)
		case n.AllocsPerEvent > margin*s.AllocsPerEvent+allocsSlack:
			verdict = "more allocations"
		}
		if verdict != "ok" {
			worse = append(worse, n.Args)
		}
		rows = append(rows, []string{n.Args, fmt.Sprintf("%.2f", s.Ratio), fmt.Sprintf("%.2f", n.Ratio), fmt.Sprintf("x %.2f", n.Ratio/s.Ratio), fmt.Sprintf("%.2f", n.best),
			fmt.Sprintf("%.3f", s.AllocsPerEvent), fmt.Sprintf("%.3f", n.AllocsPerEvent), verdict})
	}
	fmt.Fprintln(a.stdout, grid(rows))
	if len(worse) > 0 {
		return fmt.Errorf("%w: %s", errWorse, strings.Join(worse, "; "))
	}
	return nil
}

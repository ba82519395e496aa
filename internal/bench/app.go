package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/rvoip/shmbus/internal/bench/fleet"
	"github.com/rvoip/shmbus/internal/buildinfo"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	floorBudget    time.Duration
	took           *[]*Result // results go here, too, unless nil
}

// Main runs shmbench and returns its exit status.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, floorBudget: floorBudget}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	err := a.command().Run(ctx, args)
	if err == nil {
		return 0
	}
	fmt.Fprintf(a.stderr, "shmbench: %v\n", err)
	if _, ok := errors.AsType[*UsageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func (a *app) command() *cli.Command {
	c := &cli.Command{
		Name:            "shmbench",
		Usage:           "measure the bus beside what the machine can do",
		UsageText:       "shmbench <workload> [flags]",
		Version:         buildinfo.Version(),
		Reader:          a.stdin,
		Writer:          a.stdout,
		ErrWriter:       a.stderr,
		HideHelpCommand: true,
		OnUsageError:    usageError,
		// Main reports errors and picks the status.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return misuse("no workload is called %q; there are: %s", name, strings.Join(names(), ", "))
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{{
			Name: "agent", Hidden: true, Usage: "be one process of a run; started by shmbench itself",
			Action: func(ctx context.Context, _ *cli.Command) error {
				return fleet.Serve(ctx, a.stdin, a.stdout, roles())
			},
		}, a.reportCommand(), a.compareCommand(), a.checkCommand()},
	}
	for _, w := range workloads {
		c.Commands = append(c.Commands, a.workloadCommand(w))
	}
	return c
}

func names() []string {
	var ns []string
	for _, w := range workloads {
		ns = append(ns, w.name)
	}
	return ns
}

func usageError(_ context.Context, _ *cli.Command, err error, _ bool) error {
	return &UsageError{err.Error()}
}

// outcome is where results go and how many there are to be.
type outcome struct {
	json string
	runs int
	many bool // -runs was given: JSON is an array
	dir  string
}

func (a *app) workloadCommand(w *workload) *cli.Command {
	c, o := w.defaults, outcome{}
	flags := []cli.Flag{
		&cli.DurationFlag{Name: "duration", Value: c.Duration, Destination: &c.Duration, Usage: "how long to publish"},
		&cli.IntFlag{Name: "size", Value: c.Size, Destination: &c.Size, Usage: "bytes of an event's value; sizes without a type of their own become a head and a tail"},
		&cli.IntFlag{Name: "batch", Value: c.Batch, Destination: &c.Batch, Usage: "events per publish"},
		&cli.IntFlag{Name: "read", Value: c.Read, Destination: &c.Read, Usage: "events a receiver looks at in one call, at most"},
		&cli.IntFlag{Name: "capacity", Value: c.Capacity, Destination: &c.Capacity, Usage: "events the lane holds, a power of two"},
		&cli.IntFlag{Name: "subs", Value: c.Subs, Destination: &c.Subs, Usage: "subscribers"},
		&cli.IntFlag{Name: "pubs", Value: c.Pubs, Destination: &c.Pubs, Usage: "publishers"},
		&cli.StringFlag{Name: "wait", Value: c.Wait, Destination: &c.Wait, Usage: "how receivers wait: spin, park or auto"},
		&cli.StringFlag{Name: "policy", Value: c.Policy, Destination: &c.Policy, Usage: "of the lane: reliable or lossy"},
		&cli.BoolFlag{Name: "local", Destination: &c.Local, Usage: "all roles in one process, over the in-process bus"},
		&cli.BoolFlag{Name: "verify", Value: c.Verify, Destination: &c.Verify, Usage: "check the content of each event; -verify=false checks order and number alone"},
		&cli.BoolFlag{Name: "stamp", Value: c.Stamp, Destination: &c.Stamp, Usage: "stamp each event with the time, and take latencies from it"},
		&cli.BoolFlag{Name: "static", Destination: &c.Static, Usage: "a static ring of the event's type, without headers, instead of a lane; sizes with a type of their own only"},
		&cli.FloatFlag{Name: "match", Destination: &c.Match, Usage: "fanout: let one further subscriber take this `FRACTION` of the events by a filter on their key, and set its processor time beside that of one that takes all"},
		&cli.StringFlag{Name: "json", Destination: &o.json, Usage: "write the result as JSON to this `FILE`; - is standard output"},
		&cli.IntFlag{Name: "runs", Value: 1, Destination: &o.runs, Usage: "run so often; the median is shown, JSON is an array"},
		&cli.StringFlag{Name: "dir", Destination: &o.dir, Usage: "directory of the region; default $SHMBUS_DIR, then /dev/shm"},
	}
	if w.flags != nil {
		flags = append(flags, w.flags(&c)...)
	}
	return &cli.Command{
		Name: w.name, Usage: w.usage, Flags: flags, HideHelpCommand: true, OnUsageError: usageError,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return misuse("%s takes no argument %q; flags begin with a dash", w.name, cmd.Args().First())
			}
			o.many = cmd.IsSet("runs")
			return a.measure(ctx, w, c, o)
		},
	}
}

func (a *app) measure(ctx context.Context, w *workload, c Config, o outcome) error {
	if o.runs < 1 {
		return misuse("-runs %d: want at least 1", o.runs)
	}
	if err := c.check(); err != nil {
		return err
	}
	if !w.ownSize {
		if err := c.checkSize(); err != nil {
			return err
		}
	}
	if w.check != nil {
		if err := w.check(c); err != nil {
			return err
		}
	}
	out, err := a.openOutput(o.json)
	if err != nil {
		return err
	}
	s := &session{workload: w, config: c, runs: o.runs, dir: o.dir, progress: a.progress(), floorBudget: a.floorBudget}
	results, err := s.run(ctx)
	if err != nil {
		out.discard()
		return err
	}
	if a.took != nil {
		*a.took = results
	}
	if err := out.write(results, o.many); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	writeTable(out.human, results)
	var bad []error
	for _, r := range results {
		bad = append(bad, r.verdict())
	}
	return errors.Join(bad...)
}

// progress shows itself on a terminal only.
func (a *app) progress() *progress {
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: f}
	}
	return nil
}

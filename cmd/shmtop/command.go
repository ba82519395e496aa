package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/buildinfo"
)

// Exit statuses.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

const (
	defaultDir   = "/dev/shm" // for messages only; package bus applies it
	liveInterval = time.Second
	onceInterval = 200 * time.Millisecond
	minInterval  = 20 * time.Millisecond
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// run is the whole program; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := newCommand(stdin, stdout, stderr).Run(ctx, args)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(stderr, "shmtop: %s\n", printable(err.Error()))
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		_, _ = fmt.Fprintln(stderr, "Run 'shmtop -help' for usage.")
		return exitUsage
	}
	return exitError
}

func newCommand(stdin io.Reader, stdout, stderr io.Writer) *cli.Command {
	onUsage := func(_ context.Context, _ *cli.Command, err error, _ bool) error {
		return &usageError{err}
	}
	ls := &cli.Command{
		Name:         "ls",
		Usage:        "list the regions of a directory",
		UsageText:    "shmtop ls [-dir DIR] [-json]",
		OnUsageError: onUsage,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usagef("ls takes no argument %q; name another directory with -dir", c.Args().First())
			}
			return list(stdout, c.String("dir"), c.Bool("json"))
		},
	}
	return &cli.Command{
		Name:    "shmtop",
		Version: buildinfo.Version(),
		Usage:   "watch the lanes, subscribers and processes of a shared-memory bus",
		UsageText: "shmtop [NAME]                live view\n" +
			"shmtop [NAME] -once [-json]  one snapshot\n" +
			"shmtop ls [-json]            the regions of a directory",
		Description: "NAME is a region's name or the path of its file, and REGION/RING a static ring. Without\n" +
			"it the only region of the directory is shown; if there are several, the live view lets you\n" +
			"choose. When the output is not a terminal, one snapshot is printed. Reading never slows or\n" +
			"wakes a process.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "`directory` of the regions (default " + defaultDir + ")", Sources: cli.EnvVars("SHMBUS_DIR"), HideDefault: true},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "once", Usage: "print one snapshot and exit", Local: true},
			&cli.DurationFlag{Name: "interval", Usage: "`time` between two reads (default 1s; 200ms with -once)", HideDefault: true, Local: true},
			&cli.BoolFlag{Name: "wait", Usage: "wait for the region to appear; without NAME for any", Local: true},
			&cli.BoolFlag{Name: "ascii", Usage: "draw with ASCII characters only", Local: true},
		},
		Commands:        []*cli.Command{ls},
		HideHelpCommand: true,
		Writer:          stdout,
		ErrWriter:       stderr,
		OnUsageError:    onUsage,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // run decides
		Action: func(ctx context.Context, c *cli.Command) error {
			o, err := rootOptions(c)
			if err != nil {
				return err
			}
			return show(ctx, o, stdin, stdout)
		},
	}
}

// options is what the command line asks of the view.
type options struct {
	dir, name string
	once      bool
	json      bool
	wait      bool
	ascii     bool
	interval  time.Duration
}

func rootOptions(c *cli.Command) (options, error) {
	o := options{
		dir: c.String("dir"), name: c.Args().First(),
		once: c.Bool("once") || c.Bool("json"), json: c.Bool("json"),
		wait: c.Bool("wait"), ascii: c.Bool("ascii") || asciiLocale(os.Getenv),
		interval: c.Duration("interval"),
	}
	switch {
	case c.Args().Len() > 1:
		return o, usagef("one region at a time: %q and %q are both given", c.Args().Get(0), c.Args().Get(1))
	case c.IsSet("interval") && o.interval < minInterval:
		return o, usagef("-interval %v is too short: at least %v", o.interval, minInterval)
	}
	o.dir, o.name = locate(o.dir, o.name)
	return o, nil
}

// locate takes a path apart: that of a region's file, or REGION/RING behind the
// directory of the region.
func locate(dir, name string) (string, string) {
	if !strings.ContainsRune(name, filepath.Separator) {
		return dir, name
	}
	parent, base := filepath.Split(filepath.Clean(name))
	region := filepath.Clean(parent)
	if st, err := os.Stat(region); err == nil && st.Mode().IsRegular() {
		return filepath.Dir(region), filepath.Base(region) + "/" + base
	}
	if _, err := os.Stat(name); err != nil && region == filepath.Base(region) && !strings.HasPrefix(region, ".") {
		return dir, name // no file of that name here: a static ring of a region there
	}
	return parent, base
}

// show picks the form of the view that fits the request and the terminal.
func show(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	live := !o.once && isTerminal(stdin) && isTerminal(stdout)
	if o.name == "" {
		only, names, err := onlyRegion(o.dir)
		for o.wait && !live && err == nil && len(names) == 0 { // the live view waits by itself
			select {
			case <-time.After(onceInterval):
			case <-ctx.Done():
				return fmt.Errorf("wait for a region in %s: %w", dirName(o.dir), ctx.Err())
			}
			only, names, err = onlyRegion(o.dir)
		}
		switch {
		case err != nil:
			return err
		case only != "":
			o.name = only
		case len(names) == 0 && !o.wait:
			return fmt.Errorf("no region in %s: start a process that opens one, or look elsewhere with -dir or SHMBUS_DIR; -wait waits for one", dirName(o.dir))
		case !live:
			return usagef("%s holds %d regions, name one: %s", dirName(o.dir), len(names), strings.Join(names, ", "))
		}
	}
	if live {
		return watchLive(ctx, o, stdin, stdout)
	}
	return once(ctx, o, stdout)
}

// onlyRegion lists what can be looked at, whole or damaged. If all of it is one
// region and its static rings, only is that region.
func onlyRegion(dir string) (only string, names []string, err error) {
	regions, err := bus.List(dir)
	if err != nil {
		return "", nil, fmt.Errorf("list %s: %w", dirName(dir), err)
	}
	buses := 0
	for _, r := range regions {
		names = append(names, r.Name)
		if r.Static == "" {
			buses++
			only = r.Name
		}
	}
	if buses != 1 {
		only = ""
	}
	return only, names, nil
}

func dirName(dir string) string {
	if dir == "" {
		return defaultDir
	}
	return dir
}

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
		Description: "NAME is a region's name or the path of its file. Without it the only region of the\n" +
			"directory is shown; if there are several, the live view lets you choose. When the output\n" +
			"is not a terminal, one snapshot is printed. Reading never slows or wakes a process.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "`directory` of the regions (default " + defaultDir + ")", Sources: cli.EnvVars("SHMBUS_DIR"), HideDefault: true},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "once", Usage: "print one snapshot and exit", Local: true},
			&cli.DurationFlag{Name: "interval", Usage: "`time` between two reads (default 1s; 200ms with -once)", HideDefault: true, Local: true},
			&cli.BoolFlag{Name: "wait", Usage: "wait for the region to appear", Local: true},
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
	case o.wait && o.name == "":
		return o, usagef("-wait needs the name of the region to wait for")
	}
	if strings.ContainsRune(o.name, filepath.Separator) {
		o.dir, o.name = filepath.Split(filepath.Clean(o.name))
	}
	return o, nil
}

// show picks the form of the view that fits the request and the terminal.
func show(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	live := !o.once && isTerminal(stdin) && isTerminal(stdout)
	if o.name == "" {
		names, err := regionNames(o.dir)
		switch {
		case err != nil:
			return err
		case len(names) == 0:
			return fmt.Errorf("no region in %s: start a process that opens one, or look elsewhere with -dir or SHMBUS_DIR", dirName(o.dir))
		case len(names) == 1:
			o.name = names[0]
		case !live:
			return usagef("%s holds %d regions, name one: %s", dirName(o.dir), len(names), strings.Join(names, ", "))
		}
	}
	if live {
		return watchLive(ctx, o, stdin, stdout)
	}
	return once(ctx, o, stdout)
}

// regionNames lists what can be looked at, whole or damaged.
func regionNames(dir string) ([]string, error) {
	regions, err := bus.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dirName(dir), err)
	}
	names := make([]string, len(regions))
	for i, r := range regions {
		names[i] = r.Name
	}
	return names, nil
}

func dirName(dir string) string {
	if dir == "" {
		return defaultDir
	}
	return dir
}

package program

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/rvoip/shmbus/bus"
)

// Program is one process of the switch.
type Program struct {
	Name  string
	Flags func(*flag.FlagSet)
	// Run works until ctx ends and returns the report. It calls Env.Ready once.
	Run func(ctx context.Context, env *Env) (report any, err error)
}

// Env is what a program runs in.
type Env struct {
	Bus *bus.Bus
	// Options are those that the bus was opened with.
	Options *bus.Options
	Log     *slog.Logger

	out *json.Encoder
}

// Line is a line on standard output. One field is set.
type Line struct {
	Ready  *Ready          `json:"ready,omitempty"`
	Report json.RawMessage `json:"report,omitempty"`
}

// Ready says that a process has begun its work.
type Ready struct {
	PID int    `json:"pid"`
	SIP string `json:"sip,omitempty"` // where SIP is answered
}

// Ready tells whoever started the process that it has begun.
func (e *Env) Ready(r Ready) error {
	r.PID = os.Getpid()
	return e.out.Encode(Line{Ready: &r})
}

// Main runs the program as a process and returns its exit status.
func (p Program) Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := p.main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 2
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
	return 1
}

func (p Program) main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(errOut)
	name := fs.String("bus", "voip", "name of the region")
	dir := fs.String("dir", "", "directory of the region; default that of the bus")
	attended := fs.Bool("attended", false, "stop when standard input ends: no process outlives the one that started it")
	verbose := fs.Bool("v", false, "log more")
	if p.Flags != nil {
		p.Flags(fs)
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if *attended {
		go func() {
			_, _ = io.Copy(io.Discard, in)
			cancel()
		}()
	}
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: level})).With("program", p.Name)

	o := &bus.Options{Dir: *dir, Process: p.Name}
	b, err := bus.Open(*name, o)
	if err != nil {
		return fmt.Errorf("opening the bus: %w", err)
	}
	report, err := p.Run(ctx, &Env{Bus: b, Options: o, Log: log, out: json.NewEncoder(out)})
	err = errors.Join(err, b.Close())
	if report != nil {
		err = errors.Join(err, writeReport(out, report))
	}
	return err
}

func writeReport(out io.Writer, report any) error {
	raw, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return json.NewEncoder(out).Encode(Line{Report: raw})
}

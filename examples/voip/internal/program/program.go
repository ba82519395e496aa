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
	"github.com/rvoip/shmbus/events"
)

// Program is one process of the switch.
type Program struct {
	Name  string
	Flags func(*flag.FlagSet)
	NoBus bool // for a program that is no part of the switch
	// Run works until ctx ends and returns the report. It calls Env.Ready once.
	Run func(ctx context.Context, env *Env) (report any, err error)
}

// Env is what a program runs in.
type Env struct {
	Bus *bus.Bus // nil with Program.NoBus
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
	name, dir := "", ""
	if !p.NoBus {
		fs.StringVar(&name, "bus", "voip", "name of the region")
		fs.StringVar(&dir, "dir", "", "directory of the region; default that of the bus")
	}
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

	env := &Env{Log: log, out: json.NewEncoder(out)}
	if p.NoBus {
		return p.run(ctx, env)
	}
	env.Options = &bus.Options{Dir: dir, Process: p.Name, Geometry: events.Geometry()}
	b, err := bus.Open(name, env.Options)
	if err != nil {
		return fmt.Errorf("opening the bus: %w", err)
	}
	env.Bus = b
	return errors.Join(p.run(ctx, env), b.Close())
}

func (p Program) run(ctx context.Context, env *Env) error {
	report, err := p.Run(ctx, env)
	if report == nil {
		return err
	}
	raw, marshalErr := json.Marshal(report)
	if marshalErr != nil {
		return errors.Join(err, fmt.Errorf("report: %w", marshalErr))
	}
	return errors.Join(err, env.out.Encode(Line{Report: raw}))
}

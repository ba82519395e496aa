package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// Main is the command, and the processes that it starts. It returns the exit
// status: 0, 1 for a violation, 2 if the command line makes no sense.
func Main(ctx context.Context, args []string, out, errs io.Writer) int {
	var err error
	switch {
	case len(args) == 4 && args[1] == "play":
		err = play(args[2], args[3])
	case len(args) > 1 && args[1] == "soak":
		err = soakCommand(ctx, args[2:], out, errs)
	default:
		err = command(ctx, args[1:], out, errs)
	}
	var misuse *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &misuse):
		fmt.Fprintln(errs, "shmtorture:", err)
		return 2
	}
	fmt.Fprintln(errs, "shmtorture:", err)
	return 1
}

type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func command(ctx context.Context, args []string, out, errs io.Writer) error {
	c := config{out: out}
	flags := flag.NewFlagSet("shmtorture", flag.ContinueOnError)
	flags.SetOutput(errs)
	c.flags(flags, time.Minute)
	plan := flags.Bool("plan", false, "print the plan, and do nothing")
	if err := c.parse(flags, args); err != nil {
		return err
	}
	if *plan {
		return newPlan(c.seed, c.duration).print(out)
	}
	return torture(ctx, c)
}

// flags are those of all runs.
func (c *config) flags(flags *flag.FlagSet, duration time.Duration) {
	flags.DurationVar(&c.duration, "duration", duration, "how long the plan is")
	flags.Uint64Var(&c.seed, "seed", 0, "what the plan follows from; 0 chooses one")
	flags.StringVar(&c.dir, "dir", os.Getenv("SHMBUS_DIR"), "directory for the files of the run; default $SHMBUS_DIR, then /dev/shm")
}

func (c *config) parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &usageError{err.Error()}
	}
	if flags.NArg() > 0 || c.duration <= 0 {
		return &usageError{"it takes no arguments, and a duration that is not 0; see -h"}
	}
	if c.seed == 0 {
		c.seed = rand.Uint64()>>32 + 1
	}
	if c.dir == "" {
		c.dir = "/dev/shm"
	}
	return nil
}

// torture runs a plan.
func torture(ctx context.Context, c config) error {
	s, err := newSupervisor(ctx, c)
	if err != nil {
		return err
	}
	s.announce()
	return s.run()
}

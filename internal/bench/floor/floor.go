package floor

import (
	"context"
	"fmt"
)

// streamPause is how long the reader of a stream looks away when it found
// nothing, in PAUSE instructions.
const streamPause = 8

// step is a floor between two processes: the leader measures, the echo answers.
type step struct {
	name string
	lead func(*area) (float64, error)
	echo func(*area) error
	into func(*Result) *float64
}

var steps = []step{
	{"line", (*area).leadLine, (*area).echoLine, func(r *Result) *float64 { return &r.LineNS }},
	{"spsc", (*area).leadTrip, (*area).echoTrip, func(r *Result) *float64 { return &r.SPSCNS }},
	{"spsc stream", (*area).leadStream, (*area).echoStream, func(r *Result) *float64 { return &r.SPSCEventNS }},
	{"futex", (*area).leadFutex, (*area).echoFutex, func(r *Result) *float64 { return &r.FutexWakeNS }},
}

// Lead measures all floors over mem, which another process echoes on.
func Lead(ctx context.Context, mem []byte, o Options) (Result, error) {
	a, err := newArea(ctx, mem, o)
	if err != nil {
		return Result{}, err
	}
	r := Result{CopyNS: copyNS(a.o), AtomicNS: atomicNS(a.o)}
	for i, s := range steps {
		if err := a.open(uint64(i + 1)); err != nil {
			return Result{}, fmt.Errorf("floor: open step %q: %w", s.name, err)
		}
		if *s.into(&r), err = s.lead(a); err != nil {
			return Result{}, fmt.Errorf("floor: step %q: %w", s.name, err)
		}
	}
	r.FutexWakeP99NS = a.futexP99
	return r, nil
}

// Echo answers a leader on the same memory until it has measured all.
func Echo(ctx context.Context, mem []byte, o Options) error {
	a, err := newArea(ctx, mem, o)
	if err != nil {
		return err
	}
	for i, s := range steps {
		if err := a.follow(uint64(i + 1)); err != nil {
			return fmt.Errorf("floor: await step %q: %w", s.name, err)
		}
		if err := s.echo(a); err != nil {
			return fmt.Errorf("floor: step %q: %w", s.name, err)
		}
	}
	return nil
}

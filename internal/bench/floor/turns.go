package floor

import (
	"context"
	"slices"
	"time"

	"github.com/rvoip/shmbus/internal/bench/payload"
)

// Turns measure a line and a round trip through bare rings between two processes
// that do something else in between, over and over: so what they do and the floors
// are seen with the processors in the same places, which on a virtual machine
// change by the minute. Both sides know when it is time.
type Turns struct {
	a     *area
	there ring
	back  ring
	v     uint64 // last on the line
	seq   uint64
}

const (
	turnGroups = 16 // of lineGroup and of tripGroup round trips; a turn takes half a millisecond
	turnTrips  = turnGroups * tripGroup
)

// NewTurns returns one side of the turns on mem, which has Size(o) bytes and is
// zero at first.
func NewTurns(ctx context.Context, mem []byte, o Options) (*Turns, error) {
	a, err := newArea(ctx, mem, o)
	if err != nil {
		return nil, err
	}
	return &Turns{a: a, there: a.there, back: a.back}, nil
}

// Lead measures: the medians of one way, of a line and of an event.
func (t *Turns) Lead() (lineNS, tripNS float64, err error) {
	var lines, trips [turnGroups]float64
	for i := range lines {
		start := time.Now()
		for range lineGroup {
			t.a.line.Store(t.v + 1) // pairs with the load in Echo
			t.v += 2
			if err := t.await(t.v); err != nil {
				return 0, 0, err
			}
		}
		lines[i] = float64(time.Since(start)) / (2 * lineGroup)
	}
	for i := range trips {
		start := time.Now()
		for range tripGroup {
			if err := t.a.send(&t.there, payload.NewNote(0, t.seq, false)); err != nil {
				return 0, 0, err
			}
			t.there.publish()
			if _, err := t.a.receive(&t.back, 0); err != nil {
				return 0, 0, err
			}
			t.back.release()
			t.seq++
		}
		trips[i] = float64(time.Since(start)) / (2 * tripGroup)
	}
	slices.Sort(lines[:])
	slices.Sort(trips[:])
	return lines[turnGroups/2], trips[turnGroups/2], nil
}

// Echo answers one Lead.
func (t *Turns) Echo() error {
	for range turnGroups * lineGroup {
		if err := t.await(t.v + 1); err != nil {
			return err
		}
		t.v += 2
		t.a.line.Store(t.v) // pairs with the load in Lead
	}
	for range turnTrips {
		n, err := t.a.receive(&t.there, 0)
		if err != nil {
			return err
		}
		t.there.release()
		if err := t.a.send(&t.back, n); err != nil {
			return err
		}
		t.back.publish()
	}
	return nil
}

// await spins until the line holds v.
func (t *Turns) await(v uint64) error {
	for n := 0; t.a.line.Load() != v; {
		if !t.a.rest(&n) {
			return context.Cause(t.a.ctx)
		}
	}
	return nil
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	countEvery = 200 * time.Millisecond
	// orphanGrace is how long roles may take to notice that their conductor
	// is gone before the agent leaves without them.
	orphanGrace = 2 * time.Second
)

// ErrOrphaned is what an agent returns whose conductor went away.
var ErrOrphaned = errors.New("fleet: the conducting process went away")

// Serve runs an agent: it reads orders from in, runs the roles it is told to,
// and writes notes to out. It returns when all roles ended or in did.
func Serve(ctx context.Context, in io.Reader, out io.Writer, roles map[string]Role) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dec := json.NewDecoder(in)
	var first order
	if err := dec.Decode(&first); err != nil {
		return fmt.Errorf("fleet: read the first order: %w", err)
	}
	a := &agent{enc: json.NewEncoder(out), goes: make(chan struct{}), drain: make(chan struct{})}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer cancel(ErrOrphaned)
		a.listen(dec)
	}()

	stations := make([]*Station, len(first.Roles))
	for i := range stations {
		stations[i] = &Station{role: i, agent: a}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.run(ctx, stations, first.Roles, roles)
	}()
	var tick <-chan time.Time
	if first.Counts {
		t := time.NewTicker(countEvery)
		defer t.Stop()
		tick = t.C
	}
	var grace <-chan time.Time
	for {
		select {
		case <-tick:
			for _, s := range stations {
				a.send(note{Kind: noteCount, Role: s.role, Count: s.Count.Load()})
			}
		case <-gone:
			gone, grace = nil, time.After(orphanGrace)
		case <-grace:
			return ErrOrphaned
		case <-ended:
			err := a.shared.close()
			u := a.meter.total()
			a.send(note{Kind: noteUsage, Usage: &u})
			return err
		}
	}
}

type agent struct {
	mu     sync.Mutex
	enc    *json.Encoder
	goes   chan struct{}
	drain  chan struct{}
	at     int64  // written before goes is closed
	total  uint64 // written before drain is closed
	meter  meter
	shared shared
}

// send drops a note that cannot be written: the conductor is gone then, which
// the agent learns from its input.
func (a *agent) send(n note) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.enc.Encode(n)
}

func (a *agent) listen(dec *json.Decoder) {
	var goes, drain sync.Once
	for {
		var o order
		if dec.Decode(&o) != nil {
			return
		}
		switch o.Signal {
		case signalGo:
			goes.Do(func() { a.at = o.At; close(a.goes) })
		case signalDrain:
			drain.Do(func() { a.total = o.Total; close(a.drain) })
		}
	}
}

func (a *agent) run(ctx context.Context, stations []*Station, specs []Spec, roles map[string]Role) {
	var wg sync.WaitGroup
	for i, st := range stations {
		wg.Go(func() {
			result, err := a.runOne(ctx, st, specs[i], roles)
			n := note{Kind: noteDone, Role: i, Count: st.Count.Load(), Result: result}
			if err != nil {
				n.Kind, n.Error = noteFailed, err.Error()
			}
			a.send(n)
		})
	}
	wg.Wait()
}

func (a *agent) runOne(ctx context.Context, st *Station, spec Spec, roles map[string]Role) (json.RawMessage, error) {
	role, ok := roles[spec.Kind]
	if !ok {
		return nil, fmt.Errorf("fleet: no role is called %q", spec.Kind)
	}
	v, err := role(ctx, st, spec.Config)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

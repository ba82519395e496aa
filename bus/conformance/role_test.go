package conformance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// role is one part in a behaviour: it has a bus, alone or with others, and does
// what it is told.
type role struct {
	bus *bus.Bus
	ctx context.Context // ends with the role
	end context.CancelFunc

	mu      sync.Mutex
	things  map[string]any // what it has made, by name
	say     func(report)
	leaving []func() error
}

// task is how an order is carried out.
type task func(r *role, with json.RawMessage) (any, error)

// does turns a function into a task.
func does[With any](f func(r *role, with With) (any, error)) task {
	return func(r *role, raw json.RawMessage) (any, error) {
		var with With
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &with); err != nil {
				return nil, err
			}
		}
		return f(r, with)
	}
}

// tasks is all that a role can do.
var tasks = map[string]task{
	"hello":     does(func(r *role, _ struct{}) (any, error) { return hello{r.bus.ID()}, nil }),
	"publisher": does((*role).makePublisher),
	"publish":   does((*role).publish),
	"flood":     does((*role).flood),
	"published": does((*role).publisherStats),
	"subscribe": does((*role).subscribe),
	"receive":   does((*role).receive),
	"tally":     does((*role).tally),
	"hold":      does((*role).hold),
	"release":   does((*role).release),
	"received":  does((*role).subscriberStats),
	"lend":      does((*role).lend),
	"ack":       does((*role).ack),
	"handle":    does((*role).handle),
	"handled":   does((*role).handled),
	"serve":     does((*role).serve),
	"served":    does((*role).served),
	"client":    does((*role).client),
	"call":      does((*role).call),
	"static":    does((*role).static),
	"declare":   does((*role).declare),
	"close":     does((*role).closeThing),
	"remove":    does((*role).removeThing),
	"forget":    does(func(r *role, n named) (any, error) { return nil, r.bus.RemoveDurable(n.Name) }),
	"disband":   does(func(r *role, n named) (any, error) { return nil, r.bus.RemoveGroup(n.Name) }),
	"metrics":   does(func(r *role, _ struct{}) (any, error) { return r.bus.Metrics(), nil }),
	"snapshot":  does(func(r *role, _ struct{}) (any, error) { return r.bus.Snapshot() }),
	"drain":     does((*role).drain),
	"state":     does(func(r *role, _ struct{}) (any, error) { return r.bus.State(), nil }),
	"shut":      does(func(r *role, _ struct{}) (any, error) { return nil, r.bus.Close() }),
	"leave":     does((*role).leave),
}

// play reads orders from in and answers to out until it is told to leave, or in
// ends.
func play(b *bus.Bus, in io.Reader, out io.Writer) {
	var writing sync.Mutex
	r := &role{bus: b, things: map[string]any{}, say: func(a report) {
		line, err := json.Marshal(a)
		if err != nil {
			line, _ = json.Marshal(report{ID: a.ID, Failed: failed(err)})
		}
		writing.Lock()
		defer writing.Unlock()
		_, _ = out.Write(append(line, '\n'))
	}}
	r.ctx, r.end = context.WithCancel(context.Background())
	defer r.end()
	var busy sync.WaitGroup
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var o order
		if json.Unmarshal(lines.Bytes(), &o) != nil {
			return
		}
		busy.Go(func() { r.say(r.carryOut(o)) })
	}
	_, _ = r.leave(struct{}{})
	busy.Wait()
}

func (r *role) carryOut(o order) report {
	if o.Do == "stream" {
		return report{ID: o.ID, Failed: failed(r.stream(o))}
	}
	do, ok := tasks[o.Do]
	if !ok {
		return report{ID: o.ID, Failed: failed(fmt.Errorf("a role cannot %q", o.Do))}
	}
	v, err := do(r, o.With)
	a := report{ID: o.ID, Failed: failed(err)}
	if v != nil {
		raw, merr := json.Marshal(v)
		if merr != nil {
			a.Failed = failed(merr)
		}
		a.Result = raw
	}
	return a
}

// leave closes all that the role has made, and ends what it is doing.
func (r *role) leave(struct{}) (any, error) {
	r.mu.Lock()
	leaving := r.leaving
	r.leaving = nil
	r.mu.Unlock()
	r.end()
	var errs []error
	for _, f := range leaving {
		errs = append(errs, f())
	}
	return nil, errors.Join(errs...)
}

// keep remembers a thing by its name, and how to close it.
func (r *role) keep(name string, thing any, closer func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.things[name] = thing
	if closer != nil {
		r.leaving = append(r.leaving, closer)
	}
}

// thing finds what the role has made.
func thing[T any](r *role, name string) (t T, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.things[name].(T)
	if !ok {
		return t, fmt.Errorf("the role has no %T called %q", t, name)
	}
	return v, nil
}

func (r *role) closeThing(n named) (any, error) {
	c, err := thing[io.Closer](r, n.Name)
	if err != nil {
		return nil, err
	}
	return nil, c.Close()
}

func (r *role) removeThing(n named) (any, error) {
	c, err := thing[interface{ Remove() error }](r, n.Name)
	if err != nil {
		return nil, err
	}
	return nil, c.Remove()
}

// within bounds a call. 0 is no bound but the role's own.
func (r *role) within(d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(r.ctx)
	}
	return context.WithTimeout(r.ctx, d)
}

type drainOrder struct{ Timeout time.Duration } // negative: do not wait

func (r *role) drain(o drainOrder) (any, error) {
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	return nil, r.bus.Drain(ctx)
}

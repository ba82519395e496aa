package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// work is what functions of a handler or a server did. Each of them begins with
// an event, waits at the gate if there is one, and ends as Mode says.
type work struct {
	mode    string
	gate    chan struct{}
	opening sync.Once
	close   func() error

	mu      sync.Mutex
	report  workReport
	running map[uint64]int // by key
}

type (
	workOrder struct {
		Name, Kind, Mode string
		Kinds            []string
		Gate             bool // functions wait until the gate is opened
		Concurrent       int
		Options          bus.SubscribeOptions
		Timeout          time.Duration
	}
	// workReport is what they did so far.
	workReport struct {
		Began    []got
		AtOnce   int // most that ran at a time
		OfAKey   int // most of one key that ran at a time
		Ended    int
		Canceled int      // ended by their context
		Errors   []string // what OnError was told
		Handler  bus.HandlerStats
		Server   bus.ServerStats
	}
)

func newWork(o workOrder) *work {
	w := &work{mode: o.Mode, gate: make(chan struct{}), running: map[uint64]int{}}
	if !o.Gate {
		w.open()
	}
	return w
}

func (w *work) open() { w.opening.Do(func() { close(w.gate) }) }

func (w *work) Close() error { return w.close() }

// do is one function's life.
func (w *work) do(ctx context.Context, g got) error {
	w.mu.Lock()
	w.report.Began = append(w.report.Began, g)
	w.running[g.Key]++
	w.report.OfAKey = max(w.report.OfAKey, w.running[g.Key])
	all := 0
	for _, n := range w.running {
		all += n
	}
	w.report.AtOnce = max(w.report.AtOnce, all)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.running[g.Key]--
		w.report.Ended++
	}()
	select {
	case <-w.gate:
	case <-ctx.Done():
		w.mu.Lock()
		w.report.Canceled++
		w.mu.Unlock()
		if w.mode != "stubborn" {
			return ctx.Err()
		}
		<-w.gate
	}
	odd := g.Seq%2 == 1
	switch {
	case odd && w.mode == "panic":
		panic(fmt.Sprintf("event %d", g.Seq))
	case odd && w.mode == "fail":
		return fmt.Errorf("event %d is odd", g.Seq)
	}
	return nil
}

func (w *work) onError(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.Errors = append(w.report.Errors, err.Error())
}

func (r *role) handle(o workOrder) (any, error) {
	w := newWork(o)
	s := &subscription{names: map[bus.TypeID]string{}}
	for _, name := range o.Kinds {
		id, err := typeID(r.bus, name)
		if err != nil {
			return nil, err
		}
		s.names[id] = name
		o.Options.Types = append(o.Options.Types, id)
	}
	h, err := r.bus.Handle(&bus.HandlerOptions{SubscribeOptions: o.Options, MaxConcurrent: o.Concurrent, OnError: w.onError},
		func(ctx context.Context, e *bus.Event) error { return w.do(ctx, s.seen(e)) })
	if err != nil {
		return nil, err
	}
	w.close = h.Close
	r.keep(o.Name, w, h.Close)
	r.keep(o.Name+" itself", h, nil)
	return nil, nil
}

func (r *role) handled(o workOrder) (any, error) {
	w, err := thing[*work](r, o.Name)
	if err != nil {
		return nil, err
	}
	h, err := thing[*bus.Handler](r, o.Name+" itself")
	if err != nil {
		return nil, err
	}
	return w.tell(o, func(report *workReport) { report.Handler = h.Stats() })
}

// tell opens the gate if it is told to, and says what the functions did.
func (w *work) tell(o workOrder, stats func(*workReport)) (any, error) {
	if o.Mode == "open" {
		w.open()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	report := w.report
	report.Began = append([]got{}, report.Began...)
	stats(&report)
	return report, nil
}

// The request and the reply of the calls.
type (
	question struct{ Seq uint64 }
	reply    struct{ Seq, Server uint64 }
)

func (r *role) serve(o workOrder) (any, error) {
	w := newWork(o)
	id := uint64(r.bus.ID())
	s, err := bus.ServeReply(r.bus, &bus.ServeOptions{SubscribeOptions: o.Options, MaxConcurrent: o.Concurrent, OnError: w.onError},
		func(ctx context.Context, q *question, e *bus.Event, answer *bus.Reply[reply]) error {
			h := e.Header()
			answer.Value = reply{2 * q.Seq, id}
			answer.Tail = append(answer.Tail, e.Tail()...)
			return w.do(ctx, got{Seq: q.Seq, Key: h.Key, Position: h.Position})
		})
	if err != nil {
		return nil, err
	}
	w.close = s.Close
	r.keep(o.Name, w, s.Close)
	r.keep(o.Name+" itself", s, nil)
	return nil, nil
}

func (r *role) served(o workOrder) (any, error) {
	w, err := thing[*work](r, o.Name)
	if err != nil {
		return nil, err
	}
	s, err := thing[*bus.Server](r, o.Name+" itself")
	if err != nil {
		return nil, err
	}
	return w.tell(o, func(report *workReport) { report.Server = s.Stats() })
}

func (r *role) client(o workOrder) (any, error) {
	c, err := bus.NewClient[question, reply](r.bus, &bus.ClientOptions{Name: o.Name, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	r.keep(o.Name, c, c.Close)
	return nil, nil
}

type (
	callOrder struct {
		Name    string
		From    uint64
		N       int // at the same time
		Key     uint64
		Keys    bool // one of its own for each
		Tail    string
		Timeout time.Duration
	}
	// answer is what became of a call.
	answer struct {
		Seq, Server uint64
		Tail        string
		Failed      *failure `json:",omitempty"`
		Remote      *bus.RemoteError
	}
)

func (r *role) call(o callOrder) (any, error) {
	c, err := thing[*bus.Client[question, reply]](r, o.Name)
	if err != nil {
		return nil, err
	}
	answers := make([]answer, o.N)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			ctx, cancel := r.within(o.Timeout)
			defer cancel()
			with := bus.With{Key: o.Key, Tail: []byte(o.Tail)}
			if o.Keys {
				with.Key = uint64(1 + i)
			}
			m, err := c.CallWith(ctx, &question{o.From + uint64(i)}, with)
			a := answer{Seq: m.Value.Seq, Server: m.Value.Server, Tail: string(m.Tail), Failed: failed(err)}
			errors.As(err, &a.Remote)
			answers[i] = a
		})
	}
	all.Wait()
	return answers, nil
}

// staticOrder is for a static ring of notes, or of another type.
type staticOrder struct {
	Ring    string
	Other   bool // opens it for another type
	Do      string
	From    uint64
	N       int
	Options bus.StaticOptions
	Timeout time.Duration
}

// statically is a ring with its ends.
type statically struct {
	ring *bus.Static[note]
	pub  *bus.StaticPublisher[note]
	sub  *bus.StaticSubscriber[note]
}

func (r *role) static(o staticOrder) (any, error) {
	if o.Do == "open" {
		return nil, r.openStatic(o)
	}
	s, err := thing[*statically](r, "ring "+o.Ring)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	switch o.Do {
	case "publisher":
		s.pub, err = s.ring.Publisher()
		return nil, err
	case "subscribe":
		s.sub, err = s.ring.Subscribe(&bus.SubscribeOptions{Window: 8})
		return nil, err
	case "publish":
		order := publish{From: o.From, N: o.N}
		for i := range o.N {
			n := order.note(i)
			if err := s.pub.Publish(ctx, &n); err != nil {
				return published{i, failed(err)}, nil
			}
		}
		return published{N: o.N}, nil
	case "receive":
		answer := received{Events: []got{}}
		for len(answer.Events) < o.N {
			var n note
			err := s.sub.ReceiveInto(ctx, &n)
			var lag *bus.LagError
			switch {
			case errors.As(err, &lag):
				answer.Events = append(answer.Events, got{Gap: &gap{Missed: lag.Missed, Resumed: lag.Resumed, Evicted: lag.Evicted}})
			case err != nil:
				answer.Failed = failed(err)
				return answer, nil
			default:
				answer.Events = append(answer.Events, got{Seq: n.Seq})
			}
		}
		return answer, nil
	}
	return nil, fmt.Errorf("a role cannot %q with a static ring", o.Do)
}

func (r *role) openStatic(o staticOrder) error {
	if o.Other {
		s, err := bus.OpenStatic[reply](r.bus, o.Ring, &o.Options)
		if err == nil {
			err = s.Close()
		}
		return err
	}
	s, err := bus.OpenStatic[note](r.bus, o.Ring, &o.Options)
	if err == nil {
		r.keep("ring "+o.Ring, &statically{ring: s}, s.Close)
	}
	return err
}

// filter makes the filter of a condition.
func (c *condition) filter(b *bus.Bus) (bus.Filter, error) {
	var all []bus.Filter
	if len(c.Keys) > 0 {
		all = append(all, bus.Keys(c.Keys...))
	}
	if len(c.Sources) > 0 {
		all = append(all, bus.Sources(c.Sources...))
	}
	for _, name := range c.Kinds {
		id, err := typeID(b, name)
		if err != nil {
			return bus.Filter{}, err
		}
		all = append(all, bus.Types(id))
	}
	if c.Odd {
		all = append(all, bus.MatchValue(func(n *note) bool { return n.Seq%2 == 1 }))
	}
	if c.Field != "" {
		all = append(all, c.field())
	}
	if c.Not != nil {
		f, err := c.Not.filter(b)
		if err != nil {
			return f, err
		}
		all = append(all, bus.Not(f))
	}
	for i, list := range [][]condition{c.And, c.Or} {
		var parts []bus.Filter
		for j := range list {
			f, err := list[j].filter(b)
			if err != nil {
				return f, err
			}
			parts = append(parts, f)
		}
		switch {
		case len(parts) == 0:
		case i == 0:
			all = append(all, bus.And(parts...))
		default:
			all = append(all, bus.Or(parts...))
		}
	}
	return bus.And(all...), nil
}

func (c *condition) field() bus.Filter {
	f := bus.Field(c.Field)
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		values[i] = v
	}
	switch c.Is {
	case "Is":
		return f.Is(values[0])
	case "IsNot":
		return f.IsNot(values[0])
	case "In":
		return f.In(values...)
	case "Less":
		return f.Less(values[0])
	case "AtLeast":
		return f.AtLeast(values[0])
	case "Between":
		return f.Between(values[0], values[1])
	case "HasPrefix":
		return f.HasPrefix(c.Text)
	case "Contains":
		return f.Contains(c.Text)
	}
	panic("no condition is called " + c.Is)
}

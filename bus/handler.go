package bus

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rvoip/shmbus/codec"
)

// HandlerOptions say what a handler gets and how. A nil *HandlerOptions means
// all defaults.
type HandlerOptions struct {
	// SubscribeOptions are those of the handler's own subscription. Its windows
	// bound how many events of each lane are out, at work or behind another of
	// their key: choose Window at least as large as MaxConcurrent, and a few
	// times as large where events of a key come in bursts. Default MaxConcurrent
	// and at least 16, or less where the lane has less left; with a Backlog it is
	// that of any subscription. Timeout has no effect.
	SubscribeOptions
	// MaxConcurrent is how many events are handled at the same time, 1 to
	// 4096. With 1 they are handled in the order of receipt, whatever their
	// key. Default 16.
	MaxConcurrent int
	// Backlog, if it is not 0, makes the handler copy its events and take them
	// out of their lanes as they come, so that it holds no lane back however
	// long the functions take, that they may publish to lanes that it reads, and
	// that MaxConcurrent may exceed the windows. At most so many wait in this
	// process; one more is dropped, counted, and told to OnError as a
	// *HandlerError that is ErrOverloaded. It goes neither with Durable nor with
	// Group, whose events are finished when they have been handled. Default 0:
	// events are handled in place, and nothing is dropped.
	Backlog int
	// OnError is told what the function does not know or has not handled: a
	// *LagError, a *HandlerError with what the function returned, a
	// *PanicError with the stack, ErrCorrupt, ErrFault. It is called on the
	// handler's goroutines, by several at the same time. Default: errors are
	// counted, and otherwise ignored.
	OnError func(error)
}

// defaultConcurrent is how many functions run at the same time if nobody says.
const (
	defaultConcurrent = 16
	maxConcurrent     = 4096
)

// HandlerStats count what one handler did.
type HandlerStats struct {
	SubscriberStats        // Missed is what it has lost
	Handled         uint64 // events for which the function has returned without error
	Failed          uint64 // events for which it has returned an error, and corrupt ones
	Panicked        uint64 // events for which it has panicked
	Dropped         uint64 // with a Backlog: events that found it full, or had not begun when the handler ended
	Running         int    // functions at work
	Waiting         int    // events that wait for another of their key, or for a function
}

// HandlerError says that a handler's function has returned an error, or that the
// event was dropped and Err is ErrOverloaded.
type HandlerError struct {
	Header Header // of the event
	Err    error
}

func (e *HandlerError) Error() string {
	return fmt.Sprintf("bus: handler of event %d of lane %s: %v", e.Header.Position, laneName(e.Header.Priority, e.Header.Shard), e.Err)
}

// Unwrap returns what the function returned.
func (e *HandlerError) Unwrap() error { return e.Err }

// PanicError says that a function which was handed an event has panicked.
type PanicError struct {
	Header Header // of the event
	Value  any    // what it panicked with
	Stack  []byte // of its goroutine, as runtime/debug.Stack formats it
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("bus: handler of event %d of lane %s panicked: %v", e.Header.Position, laneName(e.Header.Priority, e.Header.Shard), e.Value)
}

// Unwrap returns what the function panicked with, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Handler calls a function for every event of a subscription of its own, for
// several at the same time. Events of one key are handled one after the other, in
// the order of their lane; those without a key, and those of different keys, are
// handled in any order. When there is a choice, events of a higher priority are
// handled first, as SubscribeOptions.Starve allows.
//
// A function that is slow holds up the events of its key, and once all
// MaxConcurrent are at work its own subscription, as any slow subscriber; see
// HandlerOptions.Backlog. One that panics or returns an
// error is counted and reported, and the next event is handled. An event of a
// durable subscription, or of a group, is finished when the function has returned,
// whatever it returned, but for an error after the handler has ended its context: one
// that was not handled for that reason, or was being handled by a process that died,
// is handled again.
//
// Its methods are safe for concurrent use.
type Handler struct {
	d        *dispatcher
	calls    invoker
	fn       func(context.Context, *Event) error
	handled  atomic.Uint64
	failed   atomic.Uint64
	panicked atomic.Uint64
	dropped  atomic.Uint64
}

// Handle calls fn for every event of type T. fn gets the event in place: nothing
// of it may be used after fn has returned, nor written. The context of fn ends
// when the handler or the bus is closed. Close the handler when it is no longer
// needed; closing the bus closes it, too. Its errors are those of Subscribe.
func Handle[T any](b *Bus, o *HandlerOptions, fn func(ctx context.Context, v *T, e *Event) error) (*Handler, error) {
	opts := o.withDefaults()
	t, err := typeFor[T](b, opts.Type)
	if err != nil {
		return nil, err
	}
	if len(opts.Priorities) == 0 {
		opts.Priorities = t.also.with(t.priority).list()
	}
	return b.handle(opts, []TypeID{t.id}, func(ctx context.Context, e *Event) error {
		if err := e.sized(t.size); err != nil {
			return err
		}
		return fn(ctx, codec.Cast[T](e.Value()), e)
	})
}

// Handle calls fn for every event of several types; As gives typed views of
// them. Everything else is as with the function Handle.
func (b *Bus) Handle(o *HandlerOptions, fn func(ctx context.Context, e *Event) error) (*Handler, error) {
	opts := o.withDefaults()
	return b.handle(opts, opts.Types, fn)
}

func (o *HandlerOptions) withDefaults() HandlerOptions {
	var v HandlerOptions
	if o != nil {
		v = *o
	}
	if v.MaxConcurrent == 0 {
		v.MaxConcurrent = defaultConcurrent
	}
	return v
}

func (b *Bus) handle(o HandlerOptions, types []TypeID, fn func(context.Context, *Event) error) (*Handler, error) {
	h := &Handler{fn: fn}
	h.calls = invoker{bus: b, call: h.call, ended: h.ended, onError: o.OnError}
	if err := checkConcurrent(o.MaxConcurrent); err != nil {
		return nil, err
	}
	switch {
	case o.Backlog < 0:
		return nil, fmt.Errorf("%w: Backlog is %d, must not be negative", ErrOptions, o.Backlog)
	case o.Backlog > 0 && (o.Durable != "" || o.Group != ""):
		return nil, fmt.Errorf("%w: a handler with a Backlog can be neither Durable nor in a Group", ErrOptions)
	}
	if o.Timeout = -1; o.Backlog == 0 { // it has nothing better to do
		o.wish = o.MaxConcurrent
	}
	s, err := b.subscribe(&o.SubscribeOptions, types)
	if err != nil {
		return nil, err
	}
	if o.Backlog == 0 {
		h.d = newDispatcher(s, lending{s}, o.MaxConcurrent, &h.calls)
	} else {
		h.d = newDispatcher(s, copying{s}, o.MaxConcurrent, &h.calls)
		h.d.takesAll(o.Backlog, h.drop)
	}
	h.d.start()
	return h, nil
}

func (h *Handler) call(e *Event) error { return h.fn(h.d.running, e) }

// drop counts an event that is not handled.
func (h *Handler) drop(e *Event, leaving bool) error {
	h.dropped.Add(1)
	if leaving {
		return nil
	}
	return &HandlerError{e.Header(), ErrOverloaded}
}

// ended counts how a call has ended.
func (h *Handler) ended(e *Event, err error) {
	if err == nil {
		h.handled.Add(1)
		return
	}
	//nolint:errorlint // as invoke makes it, not as fn might wrap one
	if _, ok := err.(*PanicError); ok {
		h.panicked.Add(1)
	} else {
		h.failed.Add(1)
		err = &HandlerError{e.Header(), err}
	}
	h.calls.tell(err)
}

// Stop lets the handler begin nothing more, and waits until the functions at work
// have returned. When ctx ends first, their context ends, and Stop returns the
// error of ctx; what the handler holds is given back when they return. What it had
// received and not begun a durable subscription gets again, or whoever has the lane
// of its group next, and with it what was handled behind it in its lane, while it
// waited for another of its key: at least once. Of the handler's own functions none
// may wait for Stop: there, give it a context that has ended.
func (h *Handler) Stop(ctx context.Context) error { return h.d.stop(ctx) }

// Close ends the context of the functions at work, waits until they have
// returned, and gives the subscription back. It is idempotent. The handler's own
// functions must not call it, since it waits for them; see Stop.
func (h *Handler) Close() error {
	h.d.close()
	return nil
}

// Done is closed when the handler has ended, by Stop, Close or the end of the
// bus, and none of its functions runs any more.
func (h *Handler) Done() <-chan struct{} { return h.d.done }

// Stats returns what the handler has counted.
func (h *Handler) Stats() HandlerStats {
	s := HandlerStats{
		SubscriberStats: h.d.sub.Stats(),
		Handled:         h.handled.Load(), Failed: h.failed.Load(), Panicked: h.panicked.Load(), Dropped: h.dropped.Load(),
	}
	s.Running, s.Waiting = h.d.counts()
	return s
}

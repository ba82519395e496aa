package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rvoip/shmbus/bus"
)

// reader is what the roles that receive have.
type reader struct {
	*stage
	*tracker
	mu     sync.Mutex // guards random, of handlers
	random *rand.Rand
	out    []bus.TypedDelivery[load] // of mode take
	taken  *bus.TypedDelivery[load]
}

func (s *stage) reader() *reader {
	return &reader{stage: s, tracker: s.spec.tracker(s.book), random: rand.New(rand.NewPCG(s.Seed, 2))}
}

// work checks an event, and takes its time over some.
func (r *reader) work(ctx context.Context, v *load, tail []byte, h bus.Header) error {
	if err := r.got(v, tail, h); err != nil {
		return broken(err)
	}
	defer r.done(laneOf(h.Priority, h.Shard))
	r.stage.place.w[placeOp].Store(0) // it is at work, and sleeps over nothing
	if d := r.takes(); d > 0 {
		sleep(ctx, d)
		// In place it is pinned, even if this process has been frozen meanwhile,
		// evicted, and lapped.
		if v.Sum != v.sum(tail) {
			return broken(fmt.Errorf("event %d of lane %v has changed while it was being read", h.Position, lanes[laneOf(h.Priority, h.Shard)]))
		}
	}
	return nil
}

// takes is for how long it is at work on the event.
func (r *reader) takes() time.Duration {
	if r.Slow == 0 && !r.Sit {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.Sit && r.random.IntN(512) == 0:
		return evictAfter + time.Duration(r.random.Int64N(int64(3*evictAfter)))
	case r.Slow > 0 && r.random.IntN(8) == 0:
		return time.Duration(r.random.Int64N(int64(r.Slow)))
	}
	return 0
}

// subscribe receives as its mode says: what is there at once, and else it waits.
func (s *stage) subscribe(ctx context.Context) error {
	r := s.reader()
	begun := r.prepare()
	sub, err := bus.Subscribe[load](r.bus, r.subscription())
	if err != nil {
		return broken(fmt.Errorf("subscribe: %w", err))
	}
	begun()
	s.ready()
	for ctx.Err() == nil {
		if err := r.turn(ctx, sub); err != nil {
			return err
		}
	}
	r.ack(len(r.out))
	return sub.Close()
}

// take has a few deliveries out at a time, and acks them in any order.
func (r *reader) take(ctx context.Context, sub *bus.Subscriber[load]) error {
	err := r.receive(ctx, new(time.Duration), func() error { return r.lent(sub.TryTake()) }, func() error {
		r.ack(len(r.out)) // there may be nothing more before that
		return r.lent(sub.Take(ctx))
	})
	if err != nil || r.taken == nil {
		return err
	}
	d := *r.taken
	r.taken = nil
	err = r.work(ctx, d.Value(), d.Event().Tail(), d.Event().Header())
	if r.out = append(r.out, d); len(r.out) == window {
		r.ack(1 + r.random.IntN(window))
	}
	return err
}

func (r *reader) lent(d bus.TypedDelivery[load], err error) error {
	if err == nil {
		r.taken = &d
	}
	return err
}

// ack acks n of the deliveries that are out. None of them may have changed.
func (r *reader) ack(n int) {
	for range n {
		i := r.random.IntN(len(r.out))
		d := r.out[i]
		if v := d.Value(); v.Sum != v.sum(d.Event().Tail()) {
			_ = report(r.dir, fmt.Sprintf("place %d: a delivery has changed before its ack: %+v", r.Place, *v))
		}
		d.Ack()
		r.out[i] = r.out[len(r.out)-1]
		r.out = r.out[:len(r.out)-1]
	}
}

// turn is one receive call, or two: the first does not wait.
func (r *reader) turn(ctx context.Context, sub *bus.Subscriber[load]) error {
	var own time.Duration // spent on events
	each := func(v *load, e *bus.Event) error {
		begin := time.Now()
		defer func() { own += time.Since(begin) }()
		return r.work(ctx, v, e.Tail(), e.Header())
	}
	switch r.Mode {
	case "take":
		return r.take(ctx, sub)
	case "batch":
		return r.receive(ctx, &own, func() error { _, err := sub.TryViewBatch(6, each); return err },
			func() error { _, err := sub.ViewBatch(ctx, 6, each); return err })
	case "copy":
		var m bus.Message[load]
		err := r.receive(ctx, &own, func() error { return sub.TryReceiveInto(&m) }, func() error { return sub.ReceiveInto(ctx, &m) })
		if err != nil || m.Type == 0 {
			return err
		}
		return r.work(ctx, &m.Value, m.Tail, m.Header)
	}
	return r.receive(ctx, &own, func() error { _, err := sub.TryViewBatch(1, each); return err },
		func() error { return sub.View(ctx, each) })
}

// receive tries, and waits if there is nothing. What counts as the length of a
// receive is a try that finds something, less what the events took.
func (r *reader) receive(ctx context.Context, own *time.Duration, try, wait func() error) error {
	w := r.stage.place.w
	freezes, begin := w[placeFreezes].Load(), bus.Now()
	err := try()
	if took := bus.Now() - begin - int64(*own); err == nil && freezes%2 == 0 && w[placeFreezes].Load() == freezes &&
		took > int64(w[placeLongReceive].Load()) {
		w[placeLongReceive].Store(uint64(took))
	}
	if errors.Is(err, bus.ErrEmpty) {
		w[placeKind].Store(opReceive)
		w[placeOp].Store(uint64(bus.Now()))
		err = wait()
		w[placeOp].Store(0)
	}
	if _, ok := errors.AsType[*violation](err); ok {
		return err
	}
	return broken(r.met(ctx, err))
}

// handle gets events by a handler.
func (s *stage) handle(ctx context.Context) error {
	failed := make(chan error, 1)
	r := s.reader()
	begun := r.prepare()
	o := &bus.HandlerOptions{SubscribeOptions: *r.subscription(), MaxConcurrent: 3}
	o.OnError = func(err error) {
		if he, ok := errors.AsType[*bus.HandlerError](err); ok {
			err = he.Err
		}
		if err := broken(r.met(ctx, err)); err != nil {
			fail(failed, err)
		}
	}
	h, err := bus.Handle(s.bus, o, func(_ context.Context, v *load, e *bus.Event) error {
		return r.work(ctx, v, e.Tail(), e.Header())
	})
	if err != nil {
		return broken(fmt.Errorf("handle: %w", err))
	}
	begun()
	s.ready()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if err := h.Close(); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// fail keeps the first error.
func fail(failed chan<- error, err error) {
	select {
	case failed <- err:
	default:
	}
}

package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/shm"
)

func init() { roles["honest"] = honest }

// allowed are all errors that an honest process may get in a region that
// somebody attacks. Anything else is a bug.
var allowed = []error{
	bus.ErrFull, bus.ErrNoSlot, bus.ErrNoPort, bus.ErrPinBudget, bus.ErrTooMany, bus.ErrTooLarge, // of what there is
	bus.ErrEmpty, bus.ErrTimeout, bus.ErrLag, bus.ErrNoSubscriber, bus.ErrOverloaded, bus.ErrInUse, // what happens in any region
	bus.ErrCorrupt, bus.ErrFault, bus.ErrRemoved, bus.ErrSchema, bus.ErrGroup, bus.ErrGeometry, // what the region has become
	bus.ErrOptions,                                                                // a durable subscription that reads more lanes, it says, than its next process asks for
	bus.ErrNotExist, bus.ErrForeign, bus.ErrDamaged, bus.ErrVersion, bus.ErrOwner, // what stands under its name
	shm.ErrNotRegular, shm.ErrLinked, shm.ErrLockFile, shm.ErrBusy,
}

// crewman is an honest process: it does everything there is on a region, each in
// a goroutine of its own, and counts.
type crewman struct {
	o     bus.Options
	name  string
	b     *bus.Bus
	all   sync.WaitGroup
	mu    sync.Mutex
	calls map[string]*atomic.Uint64
	kinds map[string]int
}

// tally is what a crewman tells of itself.
type tally struct {
	Calls      map[string]uint64
	Errors     map[string]int
	Heap       uint64 // bytes, after a collection
	Resident   int64  // bytes that were resident at most
	Goroutines int
}

func honest(args []string) {
	s := newStage(args)
	c := &crewman{o: s.options, name: args[1], calls: make(map[string]*atomic.Uint64), kinds: make(map[string]int)}
	var err error
	c.b, err = bus.Open("test", &c.o)
	must(err)
	c.work()
	say("ready")
	for {
		switch order, _ := s.next(); order {
		case "account":
			line, err := json.Marshal(c.account())
			must(err)
			say("%s", line)
		case "replace":
			// As Bus.Check says it is done.
			if err := c.b.Check(); !c.fine(err) {
				must(err)
			}
			must(c.b.RemoveForce())
			_ = c.b.Close()
			c.all.Wait()
			for c.keepsSomething() {
				time.Sleep(often) // handlers may still be on their way out
			}
			c.b, err = bus.Open("test", &c.o)
			must(err)
			say("%v", c.b.Check())
			c.meet()
		case "close":
			must(c.b.Close())
			say("closed")
		}
	}
}

// meetings is how many events go to and fro in a region that is new.
const meetings = 100

// meet receives what the parent publishes, and answers.
func (c *crewman) meet() {
	sub, err := bus.Subscribe[tick](c.b, nil)
	must(err)
	pub, err := bus.NewPublisher[call](c.b, nil)
	must(err)
	say("subscribed")
	for seq := range uint64(meetings) {
		m, err := sub.Receive(background())
		must(err)
		if m.Value.Seq != seq {
			must(fmt.Errorf("received %d instead of %d", m.Value.Seq, seq))
		}
		must(pub.Publish(background(), &call{Seq: seq}))
	}
}

// keepsSomething tells whether a process that has closed its bus still has any of
// its regions mapped: it would grow with each that is replaced.
func (c *crewman) keepsSomething() bool {
	maps, err := os.ReadFile("/proc/self/maps")
	must(err)
	return strings.Contains(string(maps), c.o.Dir)
}

// fine tells whether err is one that may be, and counts it.
func (c *crewman) fine(err error) bool {
	if err == nil {
		return true
	}
	kind := ""
	var remote *bus.RemoteError
	switch {
	case errors.Is(err, bus.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return true
	case errors.As(err, &remote):
		kind = "remote"
	}
	for _, a := range allowed {
		if errors.Is(err, a) {
			kind = a.Error()
			break
		}
	}
	if kind == "" {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[kind]++
	return true
}

// job repeats a step until the bus is closed. Each step ends by itself. Set-up is done again when
// a step says so by returning an error that is not about one event.
func (c *crewman) job(name string, step func(ctx context.Context) error) {
	n := new(atomic.Uint64)
	c.calls[name] = n
	c.all.Go(func() {
		for c.b.State() != bus.StateClosed {
			ctx, cancel := context.WithTimeout(background(), 20*time.Millisecond)
			err := step(ctx)
			cancel()
			if !c.fine(err) {
				must(fmt.Errorf("%s: %s: %w (%T)", c.name, name, err, err))
			}
			n.Add(1)
			if err != nil {
				time.Sleep(100 * time.Microsecond) // two cores for all
			}
		}
	})
}

// with makes a step of one that needs something, which is made when it is missing, and
// made anew every so often.
func with[T interface{ Close() error }](make func() (T, error), step func(ctx context.Context, x T) error) func(context.Context) error {
	var x T
	left := 0
	return func(ctx context.Context) (err error) {
		if left == 0 {
			if x, err = make(); err != nil {
				return err
			}
			left = 50
		}
		if left--; left == 0 {
			return x.Close()
		}
		return step(ctx, x)
	}
}

func (c *crewman) account() tally {
	a := tally{Calls: make(map[string]uint64), Errors: make(map[string]int)}
	for name, n := range c.calls {
		a.Calls[name] = n.Load()
	}
	c.mu.Lock()
	maps.Copy(a.Errors, c.kinds)
	c.mu.Unlock()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	a.Heap, a.Goroutines = m.HeapAlloc, runtime.NumGoroutine()
	var use syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	a.Resident = use.Maxrss << 10
	return a
}

// work does everything.
func (c *crewman) work() {
	b := c.b
	c.publishing(b)
	c.receiving(b)
	c.sharing(b)
	c.job("snapshot", func(context.Context) error {
		s, err := b.Snapshot()
		if err == nil && len(s.Subscribers) > 32*4 {
			must(fmt.Errorf("%d subscriptions", len(s.Subscribers)))
		}
		b.Metrics()
		return err
	})
	c.job("check", func(context.Context) error { return b.Check() })
	c.job("attach", func(context.Context) error {
		o := c.o
		o.Join = true
		again, err := bus.Open("test", &o)
		if err != nil {
			return err
		}
		_, err = bus.TypeFor[alarm](again)
		_ = again.Close() // may say that it could give nothing back
		return err
	})
	c.job("view", func(context.Context) error {
		v, err := bus.Inspect("test", &c.o)
		if err != nil {
			return err
		}
		_, err = v.Snapshot()
		return errors.Join(err, v.Close())
	})
}

func (c *crewman) publishing(b *bus.Bus) {
	tail := []byte(strings.Repeat("tail", 8))
	plain := func() (*bus.Publisher[tick], error) { return bus.NewPublisher[tick](b, nil) }
	c.job("publish", with(plain, func(ctx context.Context, p *bus.Publisher[tick]) error {
		return p.PublishWith(ctx, &tick{Seq: 1}, bus.With{Key: 7, Tail: tail[:8]})
	}))
	c.job("loan", with(plain, func(ctx context.Context, p *bus.Publisher[tick]) error {
		l, err := p.Loan()
		if err != nil {
			return err
		}
		if err := l.Publish(ctx); err != nil {
			l.Discard()
			return err
		}
		return nil
	}))
	c.job("batch", with(func() (*bus.Publisher[alarm], error) {
		return bus.NewPublisher[alarm](b, &bus.PublisherOptions{RequireSubscriber: true})
	}, func(ctx context.Context, p *bus.Publisher[alarm]) error {
		_, err := p.PublishBatch(ctx, make([]alarm, 20))
		return err
	}))
	c.job("lossy", with(func() (*bus.Publisher[crumb], error) {
		return bus.NewPublisher[crumb](b, &bus.PublisherOptions{Exclusive: true})
	}, func(_ context.Context, p *bus.Publisher[crumb]) error {
		return p.TryPublishWith(&crumb{}, bus.With{Key: 9, Tail: tail})
	}))
	c.job("static", func(ctx context.Context) error {
		r, err := bus.OpenStatic[tick](b, "ticks", smallStatic())
		if err != nil {
			return err
		}
		defer r.Close()
		s, err := r.Subscribe(&bus.SubscribeOptions{Window: 1})
		if err != nil {
			return err
		}
		p, err := r.Publisher()
		if err != nil {
			return err
		}
		if err := p.Publish(ctx, &tick{}); err != nil {
			return err
		}
		_, err = s.Receive(ctx)
		return err
	})
}

func (c *crewman) receiving(b *bus.Bus) {
	sub := func(o bus.SubscribeOptions) func() (*bus.Subscriber[tick], error) {
		return func() (*bus.Subscriber[tick], error) { return bus.Subscribe[tick](b, &o) }
	}
	c.job("receive", with(sub(bus.SubscribeOptions{Window: 2}), func(ctx context.Context, s *bus.Subscriber[tick]) error {
		_, err := s.Receive(ctx)
		return err
	}))
	c.job("view in place", with(sub(bus.SubscribeOptions{Window: 2, Wait: bus.WaitPark}), func(ctx context.Context, s *bus.Subscriber[tick]) error {
		return s.View(ctx, func(v *tick, e *bus.Event) error {
			_ = v.Name.String()
			return sane(e)
		})
	}))
	c.job("keyed", with(sub(bus.SubscribeOptions{Window: 2, Filter: bus.Keys(7)}), func(ctx context.Context, s *bus.Subscriber[tick]) error {
		_, err := s.Receive(ctx)
		return err
	}))
	c.job("filtered", with(func() (*bus.Subscription, error) {
		return b.Subscribe(&bus.SubscribeOptions{Window: 2, Start: bus.StartOldest, Filter: bus.Field("Seq").AtLeast(1).Or(bus.Match(func(e *bus.Event) bool { return sane(e) == nil }))})
	}, func(ctx context.Context, s *bus.Subscription) error {
		_, err := s.ViewBatch(ctx, 8, sane)
		return err
	}))
	c.job("take", with(sub(bus.SubscribeOptions{Window: 2}), func(ctx context.Context, s *bus.Subscriber[tick]) error {
		d, err := s.Take(ctx)
		if err == nil {
			_ = d.Value().Name.String()
			d.Ack()
		}
		return err
	}))
	c.job("durable", func(ctx context.Context) error {
		s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Durable: c.name, Window: 1, HoldEvents: 8})
		if err != nil {
			return err
		}
		_, err = s.Receive(ctx)
		if c.calls["durable"].Load()%8 == 7 {
			return errors.Join(err, s.Remove())
		}
		return errors.Join(err, s.Close())
	})
}

// sane requires that an event lies within a slot, whatever it says of itself.
func sane(e *bus.Event) error {
	if n := len(e.Value()) + len(e.Tail()); n > 128-32 {
		must(fmt.Errorf("an event of %d bytes in a slot of 128", n))
	}
	_, _ = e.Call()
	_ = e.Header().Age()
	return nil
}

func (c *crewman) sharing(b *bus.Bus) {
	c.job("group", func(ctx context.Context) error {
		s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Group: "work", Window: 1})
		if err != nil {
			return err
		}
		_, err = s.Receive(ctx)
		if c.calls["group"].Load()%16 == 15 {
			return errors.Join(err, s.Close(), b.RemoveGroup("work"))
		}
		return errors.Join(err, s.Close())
	})
	c.job("handler", with(func() (*bus.Handler, error) {
		return bus.Handle(b, &bus.HandlerOptions{SubscribeOptions: bus.SubscribeOptions{Window: 2}, MaxConcurrent: 2, OnError: func(err error) {
			if !c.fine(err) {
				must(fmt.Errorf("handler: %w", err))
			}
		}}, func(_ context.Context, _ *tick, e *bus.Event) error { return sane(e) })
	}, func(ctx context.Context, h *bus.Handler) error {
		select {
		case <-h.Done():
		case <-ctx.Done():
		}
		return nil
	}))
	c.job("server", with(func() (*bus.Server, error) {
		return bus.Serve(b, &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Window: 1}}, func(_ context.Context, q *call, _ *bus.Event) (crumb, error) {
			return crumb(*q), nil
		})
	}, func(ctx context.Context, s *bus.Server) error {
		<-ctx.Done()
		return nil
	}))
	c.job("client", with(func() (*bus.Client[call, crumb], error) {
		return bus.NewClient[call, crumb](b, &bus.ClientOptions{Timeout: 10 * time.Millisecond})
	}, func(ctx context.Context, cl *bus.Client[call, crumb]) error {
		_, err := cl.Call(ctx, &call{Seq: 3})
		return err
	}))
}

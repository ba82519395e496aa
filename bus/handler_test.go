package bus_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// handle handles ticks, and stops at the end of the test.
func handle(t testing.TB, b *bus.Bus, o *bus.HandlerOptions, fn func(context.Context, *tick, *bus.Event) error) *bus.Handler {
	t.Helper()
	h, err := bus.Handle(b, o, fn)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	return h
}

// complaints collects what OnError is told.
type complaints struct {
	mu   sync.Mutex
	errs []error
}

func (c *complaints) tell(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

func (c *complaints) all() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]error(nil), c.errs...)
}

// handled waits until a handler has nothing more to do, and has done n.
func handled(t testing.TB, h *bus.Handler, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		st := h.Stats()
		return st.Handled+st.Failed+st.Panicked == uint64(n) && st.Running == 0 && st.Depth == 0
	}, patience, often)
}

// Every event is handled once, those of a key in order and one at a time, those
// of different keys at the same time, and never more than are allowed.
func TestHandleOrderAndBound(t *testing.T) {
	leak.Check(t)
	for _, most := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				const keys, events = 7, 2000
				var next [keys]uint64 // the order of a key is what makes this safe
				var busy [keys]atomic.Bool
				var running, peak atomic.Int64
				h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: most}, func(_ context.Context, v *tick, e *bus.Event) error {
					defer running.Add(-1)
					n := running.Add(1)
					if n > int64(most) {
						return fmt.Errorf("%d at work", n)
					}
					peak.Store(max(peak.Load(), n))
					k := e.Header().Key
					if k == 0 {
						return nil
					}
					if !busy[k].CompareAndSwap(false, true) {
						return fmt.Errorf("two of key %d at work", k)
					}
					defer busy[k].Store(false)
					if v.Seq < next[k] {
						return fmt.Errorf("key %d: %d after %d", k, v.Seq, next[k])
					}
					next[k] = v.Seq + 1
					runtime.Gosched()
					return nil
				})
				pub := newPub[tick](t, b, nil)
				for i := range events {
					require.NoError(t, pub.PublishWith(background(), &tick{Seq: uint64(i)}, bus.With{Key: uint64(i*i) % keys}))
				}
				handled(t, h, events)
				st := h.Stats()
				assert.Equal(t, uint64(events), st.Handled)
				assert.Zero(t, st.Failed)
				assert.Equal(t, uint64(events), st.Received)
				if most > 1 {
					assert.Greater(t, peak.Load(), int64(1))
				}
			})
		})
	}
}

// A key whose function does not return holds up its own events and no others.
func TestHandleSlowKey(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		var slow atomic.Int64
		h := handle(t, b, nil, func(_ context.Context, _ *tick, e *bus.Event) error {
			if e.Header().Key == 1 {
				slow.Add(1)
				<-hold
			}
			return nil
		})
		pub := newPub[tick](t, b, nil)
		for range 3 {
			require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Key: 1}))
		}
		for i := range uint64(10) {
			require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Key: i + 2}))
		}
		require.Eventually(t, func() bool { return h.Stats().Handled == 10 }, patience, often)
		require.Eventually(t, func() bool { st := h.Stats(); return st.Running == 1 && st.Waiting == 2 }, patience, often)
		assert.Equal(t, int64(1), slow.Load())
		close(hold)
		handled(t, h, 13)
	})
}

// A handler that hangs or fails hurts neither another nor, for longer than
// EvictAfter, who publishes.
func TestHandlersAreIsolated(t *testing.T) {
	geo := small()
	geo.Normal.EvictAfter = 1
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		var told complaints
		hangs := handle(t, b, &bus.HandlerOptions{MaxConcurrent: 2, OnError: told.tell}, func(context.Context, *tick, *bus.Event) error {
			<-hold
			return nil
		})
		panics := handle(t, b, nil, func(context.Context, *tick, *bus.Event) error { panic("always") })
		works := handle(t, b, nil, func(context.Context, *tick, *bus.Event) error { return nil })
		pub := newPub[tick](t, b, nil)
		const events = 10 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
			for works.Stats().Depth > capacity/2 || panics.Stats().Depth > capacity/2 {
				runtime.Gosched() // they are no slower than the evictions of this test
			}
		}
		handled(t, works, events)
		handled(t, panics, events)
		assert.Equal(t, uint64(events), works.Stats().Handled)
		assert.Equal(t, uint64(events), panics.Stats().Panicked)
		assert.Zero(t, works.Stats().Missed+panics.Stats().Missed)
		// The one that hung has lost events, all of them counted and told of.
		close(hold)
		require.Eventually(t, func() bool {
			st := hangs.Stats()
			return st.Depth == 0 && st.Running == 0 && st.Handled+st.Missed == events
		}, patience, often)
		missed := uint64(0)
		for _, err := range told.all() {
			var lag *bus.LagError
			require.ErrorAs(t, err, &lag)
			assert.True(t, lag.Evicted)
			missed += lag.Missed
		}
		assert.Positive(t, missed)
		assert.Equal(t, hangs.Stats().Missed, missed)
	})
}

// Whatever a function does with its goroutine, the next event is handled, and
// what happened is told.
func TestHandleFailures(t *testing.T) {
	leak.Check(t)
	for _, most := range []int{1, 4} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				var told complaints
				bad := errors.New("bad event")
				o := &bus.HandlerOptions{MaxConcurrent: most, OnError: func(err error) {
					told.tell(err)
					if _, ok := errors.AsType[*bus.HandlerError](err); ok {
						panic("in OnError, too")
					}
					runtime.Goexit()
				}}
				h := handle(t, b, o, func(_ context.Context, v *tick, _ *bus.Event) error {
					switch v.Seq {
					case 1:
						return bad
					case 2:
						panic(bad)
					case 3:
						runtime.Goexit()
					case 4:
						var p *tick
						p.Seq++
					}
					return nil
				})
				pub := newPub[tick](t, b, nil)
				for i := range uint64(6) {
					require.NoError(t, pub.TryPublishWith(&tick{Seq: i}, bus.With{Key: 9}))
				}
				handled(t, h, 6)
				st := h.Stats()
				assert.Equal(t, [3]uint64{2, 1, 3}, [3]uint64{st.Handled, st.Failed, st.Panicked})
				require.Eventually(t, func() bool { return len(told.all()) == 4 }, patience, often)
				errs := told.all()
				require.ErrorIs(t, errs[0], bad)
				var failed *bus.HandlerError
				require.ErrorAs(t, errs[0], &failed)
				assert.Equal(t, uint64(1), failed.Header.Position)
				var panicked *bus.PanicError
				require.ErrorAs(t, errs[1], &panicked)
				require.ErrorIs(t, errs[1], bad)
				assert.Contains(t, string(panicked.Stack), "TestHandleFailures", "the stack leads to the panic")
				assert.Contains(t, errs[1].Error(), "bad event")
				assert.Contains(t, errs[2].Error(), "Goexit")
				assert.Contains(t, errs[3].Error(), "nil pointer")
			})
		})
	}
}

// Several types and priorities through one handler without a type: what is
// Critical is handled before what had come earlier and waits, and the lower
// lanes have their turn.
func TestHandlePriorities(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		const starve = 8
		started, goOn := make(chan string), make(chan struct{})
		alarms, calls, ticks, crumbs := typeID[alarm](t, b), typeID[call](t, b), typeID[tick](t, b), typeID[crumb](t, b)
		o := &bus.HandlerOptions{MaxConcurrent: 1, SubscribeOptions: bus.SubscribeOptions{
			Types: []bus.TypeID{alarms, calls, ticks, crumbs}, Starve: starve, Window: 4,
		}}
		h, err := b.Handle(o, func(_ context.Context, e *bus.Event) error {
			switch e.Type() {
			case alarms:
				if v, ok := bus.As[alarm](e); !ok || v.Seq != e.Header().Position {
					return errors.New("no alarm")
				}
				started <- "alarm"
			case crumbs:
				started <- "crumb"
			default:
				started <- "other"
			}
			<-goOn
			return nil
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, h.Close()) }()
		lows, highs := newPub[crumb](t, b, nil), newPub[alarm](t, b, nil)
		for range 5 {
			require.NoError(t, lows.TryPublish(&crumb{}))
		}
		require.Equal(t, "crumb", result(t, started))
		for i := range uint64(3 * starve) {
			require.NoError(t, highs.TryPublish(&alarm{i}))
		}
		var order []string
		for range 4 + 3*starve {
			goOn <- struct{}{}
			order = append(order, result(t, started))
		}
		goOn <- struct{}{}
		assert.Equal(t, "alarm", order[0], "an alarm does not wait behind the crumbs that had come before it")
		// One crumb at a time has its turn, once in so many.
		assert.NotContains(t, order[:starve-1], "crumb")
		turns := 0
		for i, s := range order[:3*starve] {
			if s == "crumb" {
				turns++
				assert.Equal(t, "alarm", order[i-1])
			}
		}
		assert.GreaterOrEqual(t, turns, 2, strings.Join(order, " "))
		handled(t, h, 5+3*starve)
	})
}

// Of one key, too, what is Critical does not wait for what is Low and has not
// begun.
func TestHandlePrioritiesWithinAKey(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		started, goOn := make(chan bus.Priority), make(chan struct{})
		o := &bus.HandlerOptions{SubscribeOptions: bus.SubscribeOptions{Types: []bus.TypeID{typeID[alarm](t, b), typeID[crumb](t, b)}}}
		h, err := b.Handle(o, func(_ context.Context, e *bus.Event) error {
			started <- e.Header().Priority
			<-goOn
			return nil
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, h.Close()) }()
		lows, highs := newPub[crumb](t, b, nil), newPub[alarm](t, b, nil)
		for range 4 {
			require.NoError(t, lows.TryPublishWith(&crumb{}, bus.With{Key: 5}))
		}
		require.Equal(t, bus.Low, result(t, started))
		require.Eventually(t, func() bool { return h.Stats().Waiting == 3 }, patience, often)
		require.NoError(t, highs.TryPublishWith(&alarm{}, bus.With{Key: 5}))
		require.Eventually(t, func() bool { return h.Stats().Waiting == 4 }, patience, often)
		goOn <- struct{}{}
		require.Equal(t, bus.Critical, result(t, started))
		for range 3 {
			goOn <- struct{}{}
			require.Equal(t, bus.Low, result(t, started))
		}
		goOn <- struct{}{}
		handled(t, h, 5)
	})
}

// The options of a handler's subscription apply: what its filter rules out the
// function does not see, and it counts as filtered.
func TestHandleFilter(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.HandlerOptions{SubscribeOptions: bus.SubscribeOptions{Name: "few", Filter: bus.Field("Seq").Less(3)}}
		var seen atomic.Uint64
		h := handle(t, b, o, func(_ context.Context, v *tick, _ *bus.Event) error {
			seen.Add(v.Seq)
			return nil
		})
		publishTicks(t, newPub[tick](t, b, nil), 0, capacity)
		require.Eventually(t, func() bool {
			st := h.Stats()
			return st.Handled == 3 && st.Filtered == capacity-3
		}, patience, often)
		assert.Equal(t, uint64(0+1+2), seen.Load())
		row(t, b, "few", bus.Normal)
	})
}

// A lossy lane does not wait for a handler: it is told of each gap, and counts it.
func TestHandleLag(t *testing.T) {
	geo := small()
	geo.Normal.Policy = bus.Lossy
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		var told complaints
		started, hold := make(chan struct{}, 1), make(chan struct{})
		o := &bus.HandlerOptions{MaxConcurrent: 1, OnError: told.tell}
		h := handle(t, b, o, func(context.Context, *tick, *bus.Event) error {
			select {
			case started <- struct{}{}:
			default:
			}
			<-hold
			return nil
		})
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 1)
		<-started
		const events = 5*capacity + 1
		publishTicks(t, pub, 1, events)
		close(hold)
		require.Eventually(t, func() bool {
			st := h.Stats()
			return st.Handled+st.Missed == events && st.Running == 0
		}, patience, often)
		require.Len(t, told.all(), 1)
		var lag *bus.LagError
		require.ErrorAs(t, told.all()[0], &lag)
		assert.Equal(t, h.Stats().Missed, lag.Missed)
	})
}

func TestHandleAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, most := range []int{1, 4} {
			done := make(chan struct{}, 16)
			h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: most}, func(context.Context, *tick, *bus.Event) error {
				done <- struct{}{}
				return nil
			})
			pub := newPub[tick](t, b, nil)
			key := uint64(0)
			avg := testing.AllocsPerRun(500, func() {
				for range 4 {
					key++
					if err := pub.TryPublishWith(&tick{}, bus.With{Key: key}); err != nil {
						panic(err)
					}
				}
				for range 4 {
					<-done
				}
			})
			if detector {
				avg = max(avg-1, 0) // sync.Pool throws some away on purpose
			}
			assert.Zero(t, avg)
			require.NoError(t, h.Close())
		}
	})
}

func TestHandleOptions(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, o := range []bus.HandlerOptions{
			{Backlog: -1},
			{Backlog: 1, SubscribeOptions: bus.SubscribeOptions{Durable: "work"}},
			{Backlog: 1, SubscribeOptions: bus.SubscribeOptions{Group: "work"}},
			{MaxConcurrent: -1}, {MaxConcurrent: 1 << 20}, {SubscribeOptions: bus.SubscribeOptions{Starve: -1}},
		} {
			_, err := b.Handle(&o, func(context.Context, *bus.Event) error { return nil })
			require.ErrorIs(t, err, bus.ErrOptions)
		}
		// A default window follows MaxConcurrent, as far as the lane has pins.
		handle(t, b, &bus.HandlerOptions{MaxConcurrent: 30, SubscribeOptions: bus.SubscribeOptions{Name: "wide"}},
			func(context.Context, *tick, *bus.Event) error { return nil })
		held, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, 30, held.Pins)
	})
}

func BenchmarkHandle(b *testing.B) {
	for _, most := range []int{1, 16} {
		b.Run(fmt.Sprintf("concurrent=%d", most), func(b *testing.B) {
			bb, err := bus.Open("bench", &bus.Options{Dir: b.TempDir()})
			require.NoError(b, err)
			defer bb.Close()
			h := handle(b, bb, &bus.HandlerOptions{MaxConcurrent: most}, func(context.Context, *tick, *bus.Event) error { return nil })
			pub := newPub[tick](b, bb, nil)
			b.ReportAllocs()
			for i := range b.N {
				if err := pub.PublishWith(background(), &tick{}, bus.With{Key: uint64(i)}); err != nil {
					b.Fatal(err)
				}
			}
			for h.Stats().Handled < uint64(b.N) {
				runtime.Gosched()
			}
		})
	}
}

// A filter that ends the goroutine which receives takes one event with it, and the
// handler goes on.
func TestHandlerOfAFilterThatEndsItsGoroutine(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.HandlerOptions{SubscribeOptions: bus.SubscribeOptions{Filter: bus.MatchValue(func(v *tick) bool {
			if v.Seq == 0 {
				runtime.Goexit()
			}
			return true
		})}}
		h := handle(t, b, o, func(context.Context, *tick, *bus.Event) error { return nil })
		publishTicks(t, newPub[tick](t, b, nil), 0, 3)
		handled(t, h, 2)
		require.NoError(t, h.Close())
	})
}

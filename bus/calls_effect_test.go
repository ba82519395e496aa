package bus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// peak is how many run at the same time at most, when each waits for the others as
// long as there may be more of them.
type peak struct{ running, most, limit atomic.Int64 }

func (p *peak) enter() {
	defer p.running.Add(-1)
	n := p.running.Add(1)
	for {
		if m := p.most.Load(); n <= m || p.most.CompareAndSwap(m, n) {
			break
		}
	}
	for end := time.Now().Add(patience); p.most.Load() < p.limit.Load() && time.Now().Before(end); {
		time.Sleep(often)
	}
}

var handlerEffects = effects{
	"MaxConcurrent": func(t *testing.T) {
		for asked, got := range map[int]int64{1: 1, 3: 3, 0: 16} {
			withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
				var p peak
				p.limit.Store(got)
				h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: asked}, func(context.Context, *tick, *bus.Event) error {
					p.enter()
					return nil
				})
				publishTicks(t, newPub[tick](t, b, nil), 0, 40)
				handled(t, h, 40)
				assert.Equal(t, got, p.most.Load())
			})
		}
	},
	"Backlog": func(t *testing.T) {
		for asked, dropped := range map[int]uint64{0: 0, 1: 4, 3: 2} {
			withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
				begun, end := make(chan struct{}, 10), make(chan struct{})
				h := handle(t, b, &bus.HandlerOptions{MaxConcurrent: 1, Backlog: asked}, func(context.Context, *tick, *bus.Event) error {
					begun <- struct{}{}
					<-end
					return nil
				})
				pub := newPub[tick](t, b, nil)
				publishTicks(t, pub, 0, 1)
				<-begun
				publishTicks(t, pub, 1, 6)
				require.Eventually(t, func() bool { return h.Stats().Dropped == dropped }, patience, often)
				close(end)
				handled(t, h, int(6-dropped))
				assert.Equal(t, dropped, h.Stats().Dropped)
			})
		}
	},
	"OnError": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			var c complaints
			failed := errors.New("failed")
			h := handle(t, b, &bus.HandlerOptions{OnError: c.tell}, func(context.Context, *tick, *bus.Event) error { return failed })
			publishTicks(t, newPub[tick](t, b, nil), 0, 1)
			handled(t, h, 1)
			require.Len(t, c.all(), 1)
			assert.ErrorIs(t, c.all()[0], failed)
		})
	},
}

var serveEffects = effects{
	"MaxConcurrent": func(t *testing.T) {
		for asked, got := range map[int]int64{1: 1, 3: 3, 0: 16} {
			withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
				var p peak
				p.limit.Store(got)
				serve(t, b, &bus.ServeOptions{MaxConcurrent: asked}, func(context.Context, *ask, *bus.Event) (answer, error) {
					p.enter()
					return answer{}, nil
				})
				callMany(t, newClient(t, b, &bus.ClientOptions{Timeout: -1}), 24, nil)
				assert.Equal(t, got, p.most.Load())
			})
		}
	},
	"Backlog": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			busy, done := make(chan struct{}), make(chan struct{})
			serve(t, b, &bus.ServeOptions{MaxConcurrent: 1, Backlog: 1}, func(context.Context, *ask, *bus.Event) (answer, error) {
				select {
				case busy <- struct{}{}:
				case <-done:
				}
				<-done
				return answer{}, nil
			})
			c := newClient(t, b, &bus.ClientOptions{Timeout: -1})
			first := async(func() error { _, err := c.Call(background(), &ask{}); return err })
			result(t, busy)
			// One waits; of those that come after it each is refused.
			rest := make(chan error, 5)
			for range cap(rest) {
				go func() { _, err := c.Call(background(), &ask{}); rest <- err }()
			}
			for range cap(rest) - 1 {
				require.ErrorIs(t, result(t, rest), bus.ErrOverloaded)
			}
			close(done)
			require.NoError(t, result(t, first))
			require.NoError(t, result(t, rest))
		})
	},
	"Reply": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			o := bus.TypeOptions{Name: "another", Priority: bus.Critical}
			serve(t, b, &bus.ServeOptions{Reply: o}, double)
			callMany(t, newClient(t, b, &bus.ClientOptions{Reply: o}), 1, nil)
			_, lanes, _ := snapshot(t, b)
			assert.Equal(t, uint64(1), lanes["critical"].Published)
		})
	},
	"OnError": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			var c complaints
			serve(t, b, &bus.ServeOptions{OnError: c.tell}, func(context.Context, *ask, *bus.Event) (answer, error) { panic("oops") })
			_, err := newClient(t, b, nil).Call(background(), &ask{})
			require.Error(t, err)
			require.Eventually(t, func() bool { return len(c.all()) == 1 }, patience, often)
			var panicked *bus.PanicError
			assert.ErrorAs(t, c.all()[0], &panicked)
		})
	},
}

// keys are never used twice: calls of a key wait for each other.
var keys atomic.Uint64

// callMany calls n times at once, and expects the same of all.
func callMany(t *testing.T, c *bus.Client[ask, answer], n int, expect error) {
	t.Helper()
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := c.CallWith(background(), &ask{}, bus.With{Key: keys.Add(1)})
			errs <- err
		}()
	}
	for range n {
		require.ErrorIs(t, result(t, errs), expect)
	}
}

var clientEffects = effects{
	"Name": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			newClient(t, b, &bus.ClientOptions{Name: "dialogs"})
			row(t, b, "dialogs", bus.Normal)
		})
	},
	"Request": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			serve(t, b, nil, double)
			callMany(t, newClient(t, b, nil), 1, nil)
			o := bus.TypeOptions{Name: "another"}
			callMany(t, newClient(t, b, &bus.ClientOptions{Request: o}), 1, bus.ErrNoSubscriber)
			serve(t, b, &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Type: o}}, double)
			callMany(t, newClient(t, b, &bus.ClientOptions{Request: o}), 1, nil)
		})
	},
	"Reply": serveEffects["Reply"],
	"Timeout": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			over := make(chan struct{})
			serve(t, b, nil, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
				if _, ends := ctx.Deadline(); ends {
					<-over
				}
				return answer{}, nil
			})
			callMany(t, newClient(t, b, &bus.ClientOptions{Timeout: time.Millisecond}), 1, context.DeadlineExceeded)
			callMany(t, newClient(t, b, &bus.ClientOptions{Timeout: -1}), 1, nil)
			close(over)
		})
	},
	"Window": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			newClient(t, b, &bus.ClientOptions{Window: 5})
			_, lanes, _ := snapshot(t, b)
			assert.Equal(t, 5, lanes["normal"].PinsUsed)
		})
	},
	"Wait": func(t *testing.T) {
		for _, w := range []bus.Wait{bus.WaitSpin, bus.WaitPark} {
			withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
				newClient(t, b, &bus.ClientOptions{Name: "dialogs", Wait: w})
				if w == bus.WaitPark {
					waiting(t, b, "dialogs")
					return
				}
				idle(t, b, nil, aWhile())
				assert.Zero(t, row(t, b, "dialogs", bus.Normal).Wakeups)
			})
		}
	},
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/internal/leak"
)

// Requests of a key are served in the order of their lane, one at a time; at
// most MaxConcurrent of all of them are.
func TestServeOrderAndBound(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		const most, keys, calls = 3, 5, 30
		var running, peak atomic.Int64
		var last, busy [keys + 1]atomic.Uint64
		serve(t, b, &bus.ServeOptions{MaxConcurrent: most}, func(_ context.Context, req *ask, e *bus.Event) (answer, error) {
			defer running.Add(-1)
			n := running.Add(1)
			if n > most {
				return answer{}, fmt.Errorf("%d at work", n)
			}
			if n > peak.Load() {
				peak.Store(n)
			}
			h := e.Header()
			if !busy[h.Key].CompareAndSwap(0, 1) {
				return answer{}, errors.New("two of a key at work")
			}
			defer busy[h.Key].Store(0)
			if at := last[h.Key].Swap(h.Position + 1); at > h.Position {
				return answer{}, fmt.Errorf("key %d: %d after %d", h.Key, h.Position, at)
			}
			time.Sleep(time.Duration(req.N%3) * 10 * time.Microsecond)
			return answer{}, nil
		})
		c := newClient(t, b, nil)
		var wg sync.WaitGroup
		for i := range keys * calls {
			wg.Go(func() {
				_, err := c.CallWith(background(), &ask{uint64(i)}, bus.With{Key: uint64(1 + i%keys)})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Greater(t, peak.Load(), int64(1), "different keys are served at the same time")
	})
}

// Requests, their replies and a flood of other events share a lane that is always
// full. No server waits for room that it would have to make itself.
func TestServeOnAFullLane(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		serve(t, b, &bus.ServeOptions{MaxConcurrent: 2}, double)
		c := newClient(t, b, &bus.ClientOptions{Timeout: -1})
		ctx, stop := context.WithCancel(background())
		pub := newPub[tick](t, b, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			for pub.Publish(ctx, &tick{}) == nil {
			}
		})
		var calls sync.WaitGroup
		for i := range 3 * capacity {
			calls.Go(func() {
				rep, err := c.Call(background(), &ask{uint64(i)})
				assert.NoError(t, err)
				assert.Equal(t, 2*uint64(i), rep.N)
			})
		}
		calls.Wait()
		stop()
		wg.Wait()
	})
}

// A server that has too much refuses, at once, and serves what it has taken on.
func TestServeBacklog(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		o := &bus.ServeOptions{MaxConcurrent: 2, Backlog: 3, SubscribeOptions: bus.SubscribeOptions{Name: "server"}}
		s := serve(t, b, o, func(context.Context, *ask, *bus.Event) (answer, error) {
			<-hold
			return answer{}, nil
		})
		c := newClient(t, b, nil)
		var taken []<-chan error
		for range 5 {
			taken = append(taken, async(func() error { _, err := c.Call(background(), &ask{}); return err }))
		}
		require.Eventually(t, func() bool { st := s.Stats(); return st.Running == 2 && st.Waiting == 3 }, patience, often)
		_, err := c.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrOverloaded)
		var remote *bus.RemoteError
		require.ErrorAs(t, err, &remote)
		assert.True(t, remote.Refused)
		close(hold)
		for _, err := range taken {
			require.NoError(t, result(t, err))
		}
		_, err = c.Call(background(), &ask{})
		require.NoError(t, err)
		assert.Equal(t, uint64(1), s.Stats().Refused)
	})
}

// Of several servers one that refuses, or that goes, does not speak for the
// others.
func TestServerThatIsNotAlone(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		busy := serve(t, b, &bus.ServeOptions{MaxConcurrent: 1, Backlog: 1}, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return answer{1}, nil
		})
		slow := make(chan struct{})
		other := serve(t, b, nil, func(ctx context.Context, req *ask, _ *bus.Event) (answer, error) {
			select {
			case <-slow:
			case <-ctx.Done():
			}
			return double(ctx, req, nil)
		})
		c := newClient(t, b, nil)
		var calls []<-chan error
		call := func() {
			calls = append(calls, async(func() error {
				rep, err := c.Call(background(), &ask{4})
				if err == nil && rep.N != 8 {
					err = fmt.Errorf("replied %d", rep.N)
				}
				return err
			}))
		}
		for range 4 {
			call()
		}
		require.Eventually(t, func() bool { return busy.Stats().Refused == 2 && other.Stats().Running == 4 }, patience, often)
		close(slow)
		for _, err := range calls {
			require.NoError(t, result(t, err))
		}
		// Once it is alone, it does.
		require.NoError(t, other.Stop(background()))
		_, err := c.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrOverloaded)
		close(hold)
	})
}

// A server that goes refuses what waits for it; whoever else has the request serves
// it.
func TestServerThatLeavesOthers(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		fns := map[int]chan struct{}{0: make(chan struct{}), 1: make(chan struct{})}
		var servers []*bus.Server
		for i := range 2 {
			servers = append(servers, serve(t, b, &bus.ServeOptions{MaxConcurrent: 1}, func(_ context.Context, req *ask, _ *bus.Event) (answer, error) {
				<-fns[i]
				return answer{req.N + uint64(i)}, nil
			}))
		}
		c := newClient(t, b, nil)
		type reply struct {
			answer
			error
		}
		replies := make(chan reply, 2)
		for n := range uint64(2) {
			go func() {
				rep, err := c.Call(background(), &ask{10 * n})
				replies <- reply{rep, err}
			}()
		}
		for _, s := range servers {
			require.Eventually(t, func() bool { st := s.Stats(); return st.Running == 1 && st.Waiting == 1 }, patience, often)
		}
		ended, cancel := context.WithCancel(background())
		cancel()
		require.ErrorIs(t, servers[0].Stop(ended), context.Canceled)
		require.Eventually(t, func() bool { return servers[0].Stats().Refused == 1 }, patience, often)
		close(fns[1])
		for range 2 {
			r := result(t, replies)
			require.NoError(t, r.error)
			assert.Equal(t, uint64(1), r.N%10, "by the other one")
		}
		close(fns[0])
	})
}

// Stop finishes what runs, refuses what waits, and ends no context before its
// own has ended.
func TestServerStop(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		entered, goOn := make(chan context.Context), make(chan struct{})
		s := serve(t, b, &bus.ServeOptions{MaxConcurrent: 1}, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
			entered <- ctx
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return answer{}, ctx.Err()
		})
		c := newClient(t, b, nil)
		runs := async(func() error { _, err := c.Call(background(), &ask{}); return err })
		<-entered
		waits := async(func() error { _, err := c.Call(background(), &ask{}); return err })
		require.Eventually(t, func() bool { return s.Stats().Waiting == 1 }, patience, often)
		stopped := async(func() error { return s.Stop(background()) })
		// What had waited is refused at once, and what comes now does not wait.
		require.ErrorIs(t, result(t, waits), bus.ErrOverloaded)
		_, err := c.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrNoSubscriber)
		goOn <- struct{}{}
		require.NoError(t, result(t, stopped))
		require.NoError(t, result(t, runs))
		<-s.Done()

		s = serve(t, b, nil, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
			entered <- ctx
			<-ctx.Done()
			return answer{}, ctx.Err()
		})
		runs = async(func() error { _, err := c.Call(background(), &ask{}); return err })
		<-entered
		ctx, cancel := context.WithCancel(background())
		cancel()
		require.ErrorIs(t, s.Stop(ctx), context.Canceled)
		var remote *bus.RemoteError
		require.ErrorAs(t, result(t, runs), &remote)
		require.NoError(t, s.Stop(background()))
	})
}

func TestServeOptions(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, o := range []bus.ServeOptions{
			{MaxConcurrent: -1}, {MaxConcurrent: 1 << 20}, {Backlog: -1},
			{SubscribeOptions: bus.SubscribeOptions{Durable: "never"}},
			{SubscribeOptions: bus.SubscribeOptions{Window: -1}},
		} {
			_, err := bus.Serve(b, &o, double)
			require.ErrorIs(t, err, bus.ErrOptions)
		}
		_, err := bus.NewClient[ask, answer](b, &bus.ClientOptions{Window: -1})
		require.ErrorIs(t, err, bus.ErrOptions)
	})
}

// Set-up calls are answered while the server of others is busy, and on a server
// of both the Critical ones are begun first.
func TestCallPriorities(t *testing.T) {
	type (
		setup  struct{ N uint64 }
		report struct{ N uint64 }
		done   struct{ N uint64 }
	)
	critical, low := bus.TypeOptions{Name: "setup", Priority: bus.Critical}, bus.TypeOptions{Name: "report", Priority: bus.Low}
	each(t, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		defer close(hold)
		slow, err := bus.Serve(b, &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Type: low}},
			func(ctx context.Context, _ *report, _ *bus.Event) (done, error) {
				select {
				case <-hold:
				case <-ctx.Done():
				}
				return done{}, nil
			})
		require.NoError(t, err)
		defer slow.Close()
		fast, err := bus.Serve(b, &bus.ServeOptions{SubscribeOptions: bus.SubscribeOptions{Type: critical}, Reply: bus.TypeOptions{Name: "set", Priority: bus.Critical}},
			func(_ context.Context, s *setup, _ *bus.Event) (done, error) { return done(*s), nil })
		require.NoError(t, err)
		defer fast.Close()
		reports, err := bus.NewClient[report, done](b, &bus.ClientOptions{Request: low})
		require.NoError(t, err)
		defer reports.Close()
		setups, err := bus.NewClient[setup, done](b, &bus.ClientOptions{Request: critical, Reply: bus.TypeOptions{Name: "set", Priority: bus.Critical}})
		require.NoError(t, err)
		defer setups.Close()
		var wg sync.WaitGroup
		defer wg.Wait()
		for range 2 * capacity {
			wg.Go(func() { _, _ = reports.Call(background(), &report{}) })
		}
		require.Eventually(t, func() bool { return slow.Stats().Running == 16 && slow.Stats().Waiting > 0 }, patience, often)
		for i := range uint64(2 * capacity) {
			rep, err := setups.Call(background(), &setup{i})
			require.NoError(t, err)
			require.Equal(t, i, rep.N)
		}
		require.NoError(t, reports.Close())
	})
}

// The function of a server sees its caller's deadline, in every way a context
// has to show it.
func TestServerContext(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		type seen struct {
			before, after, cause error
		}
		results := make(chan seen, 1)
		kept, given := make(chan context.Context, 2), make(chan struct{})
		server := serve(t, b, nil, func(ctx context.Context, req *ask, _ *bus.Event) (answer, error) {
			kept <- ctx
			if req.N == 1 {
				return answer{}, ctx.Err()
			}
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			s := seen{before: ctx.Err()}
			<-derived.Done()
			s.after, s.cause = ctx.Err(), context.Cause(ctx)
			results <- s
			<-given // a reply now would still be in time for a slow caller
			return answer{}, nil
		})
		// On a busy machine a request may come too late to be served, or to be seen in time.
		got := seen{before: context.DeadlineExceeded}
		for timeout := 10 * time.Millisecond; got.before != nil; timeout *= 2 {
			late := server.Stats().Expired
			_, err := newClient(t, b, &bus.ClientOptions{Timeout: timeout}).Call(background(), &ask{})
			require.ErrorIs(t, err, bus.ErrTimeout)
			require.Eventually(t, func() bool { return len(results) > 0 || server.Stats().Expired > late }, patience, often)
			if len(results) > 0 {
				got = <-results
				given <- struct{}{}
				<-kept
			}
		}
		assert.Equal(t, seen{nil, context.DeadlineExceeded, context.DeadlineExceeded}, got)
		// It ends with the function, also for who asks only then.
		patient := newClient(t, b, &bus.ClientOptions{Timeout: -1})
		_, err := patient.Call(background(), &ask{1})
		require.NoError(t, err)
		ctx := <-kept
		_, limited := ctx.Deadline()
		assert.False(t, limited)
		<-ctx.Done()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}

// One server of requests of two priorities: what is Critical is begun before what
// waits.
func TestServePriorities(t *testing.T) {
	type (
		job  struct{ Urgent codec.Bool }
		done struct{ N uint64 }
	)
	o := bus.TypeOptions{Name: "job", Priority: bus.Low, Also: []bus.Priority{bus.Critical}}
	each(t, func(t *testing.T, b *bus.Bus) {
		started, goOn := make(chan bool), make(chan struct{})
		s, err := bus.Serve(b, &bus.ServeOptions{MaxConcurrent: 1, SubscribeOptions: bus.SubscribeOptions{Type: o}},
			func(_ context.Context, j *job, e *bus.Event) (done, error) {
				started <- j.Urgent.Get()
				<-goOn
				return done{}, nil
			})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		c, err := bus.NewClient[job, done](b, &bus.ClientOptions{Request: o})
		require.NoError(t, err)
		defer c.Close()
		var calls []<-chan error
		call := func(urgent bool) {
			w := bus.With{}
			if urgent {
				w.Priority = bus.Critical
			}
			calls = append(calls, async(func() error {
				_, err := c.CallWith(background(), &job{Urgent: codec.BoolOf(urgent)}, w)
				return err
			}))
		}
		call(false)
		require.False(t, result(t, started))
		for range 3 {
			call(false)
		}
		require.Eventually(t, func() bool { return s.Stats().Waiting == 3 }, patience, often)
		call(true)
		require.Eventually(t, func() bool { return s.Stats().Waiting == 4 }, patience, often)
		goOn <- struct{}{}
		require.True(t, result(t, started), "the urgent one does not wait for those before it")
		for range 3 {
			goOn <- struct{}{}
			require.False(t, result(t, started))
		}
		goOn <- struct{}{}
		for _, err := range calls {
			require.NoError(t, result(t, err))
		}
	})
}

// Snapshots say who serves what, also of a group.
func TestServersInSnapshots(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, o := range []bus.SubscribeOptions{{Name: "alone"}, {Name: "member", Group: "servers"}} {
			o.Window = 1
			s := serve(t, b, &bus.ServeOptions{SubscribeOptions: o}, double)
			assert.Equal(t, "bus_test.ask", row(t, b, o.Name, bus.Normal).Serves)
			require.NoError(t, s.Close())
		}
		newSub[ask](t, b, &bus.SubscribeOptions{Name: "listens"})
		assert.Empty(t, row(t, b, "listens", bus.Normal).Serves)
	})
}

// Requests over several shards: a key keeps its order, and every reply finds its
// call.
func TestServeShards(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 4
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		var mu sync.Mutex
		last := map[uint64]uint64{}
		serve(t, b, nil, func(_ context.Context, req *ask, e *bus.Event) (answer, error) {
			mu.Lock()
			defer mu.Unlock()
			if k := e.Header().Key; req.N != last[k]+1 {
				return answer{}, fmt.Errorf("key %d: %d after %d", k, req.N, last[k])
			}
			last[e.Header().Key]++
			return answer{req.N}, nil
		})
		c := newClient(t, b, nil)
		var wg sync.WaitGroup
		for k := range uint64(16) {
			wg.Go(func() {
				for i := range uint64(50) {
					m, err := c.CallWith(background(), &ask{i + 1}, bus.With{Key: k + 1})
					if !assert.NoError(t, err) || !assert.Equal(t, i+1, m.Value.N) {
						return
					}
					assert.Equal(t, int((k+1)%4), m.Shard)
				}
			})
		}
		wg.Wait()
	})
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// The requests and replies of the tests.
type (
	ask    struct{ N uint64 }
	answer struct{ N uint64 }
)

func newClient(t testing.TB, b *bus.Bus, o *bus.ClientOptions) *bus.Client[ask, answer] {
	t.Helper()
	c, err := bus.NewClient[ask, answer](b, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// serve serves with a function, and stops at the end of the test.
func serve(t testing.TB, b *bus.Bus, o *bus.ServeOptions, fn func(context.Context, *ask, *bus.Event) (answer, error)) *bus.Server {
	t.Helper()
	s, err := bus.Serve(b, o, fn)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// double is what most servers of the tests do.
func double(_ context.Context, req *ask, _ *bus.Event) (answer, error) {
	return answer{2 * req.N}, nil
}

func TestCall(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		s := serve(t, b, nil, double)
		c := newClient(t, b, nil)
		for i := range uint64(3 * capacity) {
			rep, err := c.Call(background(), &ask{i})
			require.NoError(t, err)
			require.Equal(t, answer{2 * i}, rep)
		}
		require.Eventually(t, func() bool { return s.Stats().Running == 0 }, patience, often)
		st := s.Stats()
		assert.Equal(t, uint64(3*capacity), st.Answered)
		assert.Zero(t, st.Failed+st.Expired+st.Ignored+st.Unanswered+st.Panicked)
		assert.Equal(t, bus.ClientStats{Calls: 3 * capacity, Replied: 3 * capacity}, c.Stats())
	})
}

// A request and a reply carry tails and keys, and tell what they belong to.
func TestCallWithTail(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		s, err := bus.ServeReply(b, nil, func(ctx context.Context, req *ask, e *bus.Event, r *bus.Reply[answer]) error {
			if r.Value != (answer{}) || len(r.Tail) != 0 {
				return errors.New("the reply is not empty")
			}
			info, ok := e.Call()
			if !ok || info.Reply || info.Failed {
				return fmt.Errorf("%+v %t", info, ok)
			}
			if at, ok := ctx.Deadline(); !ok || at.After(time.Now().Add(time.Duration(info.Deadline-bus.Now())+time.Second)) {
				return fmt.Errorf("deadline %v %t", at, ok)
			}
			r.Value.N = e.Header().Key
			r.Tail = append(r.Tail, strings.ToUpper(string(e.Tail()))...)
			return nil
		})
		require.NoError(t, err)
		defer s.Close()
		c := newClient(t, b, nil)
		for range 3 {
			m, err := c.CallWith(background(), &ask{1}, bus.With{Key: 77, Tail: []byte("invite")})
			require.NoError(t, err)
			assert.Equal(t, uint64(77), m.Value.N)
			assert.Equal(t, "INVITE", string(m.Tail))
			assert.Equal(t, uint64(77), m.Key)
			assert.Equal(t, b.ID(), m.Source)
		}
	})
}

// What is on the lanes: observers of the types see requests and replies, with the
// same ids, and a reply names nobody's deadline.
func TestCallIsSeenByObservers(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		requests, replies := newSub[ask](t, b, nil), newSub[answer](t, b, nil)
		serve(t, b, nil, func(ctx context.Context, req *ask, e *bus.Event) (answer, error) {
			return answer{1}, errors.New("busy here")
		})
		c := newClient(t, b, nil)
		_, err := c.Call(background(), &ask{5})
		require.EqualError(t, err, fmt.Sprintf("bus: server %d: busy here", b.ID()))
		var request bus.CallInfo
		require.NoError(t, requests.View(background(), func(v *ask, e *bus.Event) error {
			assert.Equal(t, uint64(5), v.N)
			var ok bool
			request, ok = e.Call()
			assert.True(t, ok)
			return nil
		}))
		require.NoError(t, replies.View(background(), func(v *answer, e *bus.Event) error {
			assert.Equal(t, answer{}, *v, "an error has no value")
			assert.Equal(t, "busy here", string(e.Tail()))
			info, ok := e.Call()
			assert.True(t, ok)
			assert.Equal(t, bus.CallInfo{ID: request.ID, Client: request.Client, Reply: true, Failed: true}, info)
			return nil
		}))
		assert.Greater(t, request.Deadline, bus.Now())
		// An ordinary event belongs to no call, and is no request.
		require.NoError(t, newPub[ask](t, b, nil).TryPublish(&ask{6}))
		require.NoError(t, requests.View(background(), func(_ *ask, e *bus.Event) error {
			_, ok := e.Call()
			assert.False(t, ok)
			return nil
		}))
	})
}

func TestCallWithoutServer(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		newSub[ask](t, b, nil) // hears requests, and serves none
		c := newClient(t, b, nil)
		_, err := c.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrNoSubscriber)
		for range 3 {
			s := serve(t, b, nil, double)
			_, err = c.Call(background(), &ask{})
			require.NoError(t, err)
			require.NoError(t, s.Close())
			_, err = c.Call(background(), &ask{})
			require.ErrorIs(t, err, bus.ErrNoSubscriber)
		}
		assert.Equal(t, uint64(3), c.Stats().Calls, "what nobody serves is not published")
	})
}

// One of two servers goes: the other one serves on.
func TestCallFindsTheOtherServer(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		first, _ := serve(t, b, nil, double), serve(t, b, nil, double)
		c := newClient(t, b, nil)
		_, err := c.Call(background(), &ask{})
		require.NoError(t, err)
		require.NoError(t, first.Close())
		_, err = c.Call(background(), &ask{})
		require.NoError(t, err)
	})
}

// Every server of a type serves each request; the caller gets one reply, and the
// others are late.
func TestCallOfSeveralServers(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for range 3 {
			serve(t, b, nil, double)
		}
		c := newClient(t, b, nil)
		const calls = 100
		for i := range uint64(calls) {
			rep, err := c.Call(background(), &ask{i})
			require.NoError(t, err)
			require.Equal(t, 2*i, rep.N)
		}
		require.Eventually(t, func() bool { return c.Stats().Late == 2*calls }, patience, often)
		assert.Equal(t, uint64(calls), c.Stats().Replied)
	})
}

func TestCallRemoteError(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		long := strings.Repeat("é", 2000)
		s := serve(t, b, nil, func(_ context.Context, req *ask, _ *bus.Event) (answer, error) {
			switch req.N {
			case 1:
				return answer{}, errors.New(long)
			case 2:
				panic("oh no")
			case 3:
				return answer{}, errors.New("")
			}
			return answer{9}, nil
		})
		c := newClient(t, b, nil)
		var remote *bus.RemoteError
		_, err := c.Call(background(), &ask{1})
		require.ErrorAs(t, err, &remote)
		assert.True(t, strings.HasPrefix(long, remote.Text))
		assert.NotEmpty(t, remote.Text)
		assert.LessOrEqual(t, len(remote.Text), 1024)
		assert.Equal(t, b.ID(), remote.Server)
		_, err = c.Call(background(), &ask{2})
		require.ErrorAs(t, err, &remote)
		assert.Equal(t, bus.RemoteError{Server: b.ID(), Text: "panic: oh no", Panicked: true}, *remote)
		_, err = c.Call(background(), &ask{3})
		require.ErrorAs(t, err, &remote)
		assert.Empty(t, remote.Text)
		rep, err := c.Call(background(), &ask{4})
		require.NoError(t, err)
		assert.Equal(t, uint64(9), rep.N)
		require.Eventually(t, func() bool { return s.Stats().Running == 0 }, patience, often)
		st := s.Stats()
		assert.Equal(t, [3]uint64{4, 2, 1}, [3]uint64{st.Answered, st.Failed, st.Panicked})
		assert.Equal(t, uint64(3), c.Stats().Failed)
	})
}

// A caller gives up at its deadline, or when its context ends; what comes later
// is counted, and the server need not serve what has expired.
func TestCallDeadline(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		hold := make(chan struct{})
		s := serve(t, b, &bus.ServeOptions{MaxConcurrent: 1}, func(context.Context, *ask, *bus.Event) (answer, error) {
			<-hold
			return answer{}, nil
		})
		c := newClient(t, b, &bus.ClientOptions{Timeout: time.Minute})
		ctx, cancel := context.WithCancelCause(background())
		held := async(func() error { _, err := c.Call(ctx, &ask{}); return err })
		require.Eventually(t, func() bool { return s.Stats().Running == 1 }, patience, often)
		// On a busy machine a deadline may pass before the request is published.
		var hasty *bus.Client[ask, answer]
		for timeout := 5 * time.Millisecond; hasty == nil || hasty.Stats().Calls == 0; timeout *= 2 {
			hasty = newClient(t, b, &bus.ClientOptions{Timeout: timeout})
			_, err := hasty.Call(background(), &ask{})
			require.ErrorIs(t, err, bus.ErrTimeout)
		}
		for timeout := 5 * time.Millisecond; c.Stats().Calls == 1; timeout *= 2 {
			brief, done := context.WithTimeout(background(), timeout)
			_, err := c.Call(brief, &ask{})
			done()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			if c.Stats().Calls == 2 {
				require.ErrorIs(t, err, bus.ErrTimeout)
			}
		}
		why := errors.New("hung up")
		cancel(why)
		err := result(t, held)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		_, err = c.Call(ctx, &ask{})
		require.ErrorIs(t, err, why)
		close(hold)
		require.Eventually(t, func() bool { return s.Stats().Expired == 2 }, patience, often)
		require.Eventually(t, func() bool { return c.Stats().Late == 1 }, patience, often)
		assert.Equal(t, bus.ClientStats{Calls: 2, Abandoned: 2, Late: 1}, c.Stats())
		assert.Equal(t, bus.ClientStats{Calls: 1, Abandoned: 1}, hasty.Stats())
		_, err = c.Call(background(), &ask{})
		require.NoError(t, err)
	})
}

// Many callers share one client, and each gets the reply to its own request,
// also while others give up.
func TestCallManyAtOnce(t *testing.T) {
	leak.Check(t)
	o := bus.Options{Geometry: small()}
	eachWith(t, o, func(t *testing.T, b *bus.Bus) {
		serve(t, b, &bus.ServeOptions{MaxConcurrent: 8}, double)
		c := newClient(t, b, nil)
		other := newClient(t, b, nil)
		var wg sync.WaitGroup
		var given atomic.Uint64
		const callers, calls = 32, 100
		for i := range callers {
			wg.Go(func() {
				c := c
				if i%4 == 0 {
					c = other
				}
				for j := range calls {
					n := uint64(i*calls + j)
					ctx, cancel := context.WithCancel(background())
					if j%10 == 3 {
						go cancel()
					}
					rep, err := c.Call(ctx, &ask{n})
					cancel()
					if j%10 == 3 && errors.Is(err, context.Canceled) {
						given.Add(1)
						continue
					}
					if !assert.NoError(t, err) || !assert.Equal(t, 2*n, rep.N) {
						return
					}
				}
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, c.Stats().Abandoned+other.Stats().Abandoned, given.Load())
		assert.Zero(t, c.Stats().Outstanding+other.Stats().Outstanding)
	})
}

// Close ends what waits, of the client and of the bus.
func TestCallAndClose(t *testing.T) {
	leak.Check(t)
	for _, way := range []string{"client", "bus"} {
		t.Run(way, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				hold := make(chan struct{})
				s := serve(t, b, nil, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
					<-hold
					return answer{}, nil
				})
				c := newClient(t, b, nil)
				var calls []<-chan error
				for range 3 {
					calls = append(calls, async(func() error { _, err := c.Call(background(), &ask{}); return err }))
				}
				require.Eventually(t, func() bool { return s.Stats().Running == 3 }, patience, often)
				if way == "client" {
					require.NoError(t, c.Close())
				} else {
					require.NoError(t, b.Close())
				}
				for _, err := range calls {
					require.ErrorIs(t, result(t, err), bus.ErrClosed)
				}
				_, err := c.Call(background(), &ask{})
				require.ErrorIs(t, err, bus.ErrClosed)
				require.NoError(t, c.Close())
				close(hold)
			})
		})
	}
}

// A call that waits for room ends with its client, and at its deadline.
func TestCallWithoutRoom(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		serve(t, b, nil, double)
		newSub[tick](t, b, nil) // does not move
		fill(t, newPub[tick](t, b, nil), 0)
		hasty := newClient(t, b, &bus.ClientOptions{Timeout: 5 * time.Millisecond})
		_, err := hasty.Call(background(), &ask{})
		require.ErrorIs(t, err, bus.ErrTimeout)
		c := newClient(t, b, &bus.ClientOptions{Timeout: -1})
		called := async(func() error { _, err := c.Call(background(), &ask{}); return err })
		require.Eventually(t, func() bool { return c.Stats().Outstanding == 1 }, patience, often)
		require.NoError(t, c.Close())
		require.ErrorIs(t, result(t, called), bus.ErrClosed)
		assert.Zero(t, c.Stats().Calls+hasty.Stats().Calls, "nothing was published")
	})
}

// The parts of a request and of a reply take room in their slots.
func TestCallSizes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		type (
			full   struct{ A [96]byte } // of 128 bytes of a slot, and no room for parts
			tight  struct{ A [72]byte } // room for the parts of a request
			tailed struct{ N uint64 }
		)
		_, err := bus.NewClient[full, tailed](b, nil)
		var size *bus.SizeError
		require.ErrorAs(t, err, &size)
		assert.Equal(t, 32+24+96, size.Need)
		_, err = bus.Serve(b, nil, func(context.Context, *tight, *bus.Event) (full, error) { return full{}, nil })
		require.ErrorAs(t, err, &size)
		assert.Equal(t, 32+16+96, size.Need)

		s, err := bus.ServeReply(b, nil, func(_ context.Context, _ *tailed, e *bus.Event, r *bus.Reply[tight]) error {
			r.Tail = append(r.Tail, make([]byte, len(e.Tail()))...)
			return nil
		})
		require.NoError(t, err)
		defer s.Close()
		c, err := bus.NewClient[tailed, tight](b, nil)
		require.NoError(t, err)
		defer c.Close()
		assert.Equal(t, 128-32-24-8, c.MaxTail())
		_, err = c.CallWith(background(), &tailed{}, bus.With{Tail: make([]byte, c.MaxTail()+1)})
		require.ErrorAs(t, err, &size)
		assert.Equal(t, 129, size.Need)
		m, err := c.CallWith(background(), &tailed{}, bus.With{Tail: make([]byte, 8)})
		require.NoError(t, err)
		assert.Len(t, m.Tail, 8)
		// The server's reply does not fit: the caller is told, as far as there is room.
		_, err = c.CallWith(background(), &tailed{}, bus.With{Tail: make([]byte, 9)})
		var remote *bus.RemoteError
		require.ErrorAs(t, err, &remote)
		assert.Len(t, remote.Text, 8)
		assert.Equal(t, uint64(1), s.Stats().Failed)
	})
}

// Calls that are given up leave nothing behind.
func TestCallAbandonedLeavesNothing(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		serve(t, b, &bus.ServeOptions{MaxConcurrent: 1, Backlog: 1}, func(ctx context.Context, _ *ask, _ *bus.Event) (answer, error) {
			<-ctx.Done()
			return answer{}, ctx.Err()
		})
		c := newClient(t, b, &bus.ClientOptions{Timeout: 10 * time.Microsecond})
		const calls = 2000
		for range calls {
			_, err := c.Call(background(), &ask{})
			require.Error(t, err)
		}
		st := c.Stats()
		assert.Zero(t, st.Outstanding)
		assert.Equal(t, st.Calls, st.Abandoned+st.Replied)
	})
}

func TestCallAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		serve(t, b, nil, double)
		c := newClient(t, b, nil)
		req := ask{4}
		avg := testing.AllocsPerRun(500, func() {
			if rep, err := c.Call(background(), &req); err != nil || rep.N != 8 {
				panic(fmt.Sprint(rep, err))
			}
		})
		most := 1.5 // the context that the server's function gets, which it may keep
		if detector {
			most = 8 // sync.Pool throws some away on purpose
		}
		assert.LessOrEqual(t, avg, most)
	})
}

func BenchmarkCall(b *testing.B) {
	bb, err := bus.Open("bench", &bus.Options{Dir: b.TempDir()})
	require.NoError(b, err)
	defer bb.Close()
	serve(b, bb, nil, double)
	c := newClient(b, bb, nil)
	b.Run("callers=1", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, err := c.Call(background(), &ask{uint64(i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("callers=many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := c.Call(background(), &ask{1}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

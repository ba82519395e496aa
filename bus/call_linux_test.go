package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() {
	roles["server"] = serverRole
	roles["caller"] = callerRole
}

// serverRole doubles what it is asked. It says when it holds a request of a
// multiple of 1000, which it never answers.
func serverRole(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	o := &bus.ServeOptions{MaxConcurrent: 64}
	if len(args) > 1 {
		o.Group = args[1]
	}
	server, err := bus.Serve(b, o, func(ctx context.Context, req *ask, e *bus.Event) (answer, error) {
		if req.N%1000 == 0 {
			say("holds %d", req.N)
			select {}
		}
		return answer{2 * req.N}, nil
	})
	must(err)
	say("ready %d", b.ID())
	for {
		if order, _ := s.next(); order == "close" {
			must(server.Close())
			say("ok")
		}
	}
}

// callerRole calls from several goroutines until it is killed, and says how many
// calls it has made.
func callerRole(args []string) {
	s := newStage(args)
	b, err := bus.Open("test", &s.options)
	must(err)
	c, err := bus.NewClient[ask, answer](b, nil)
	must(err)
	var made atomic.Uint64
	for i := range 8 {
		go func() {
			for n := uint64(i) + 1; ; n += 8 {
				if n%1000 == 0 {
					continue
				}
				rep, err := c.Call(background(), &ask{n})
				must(err)
				if rep.N != 2*n {
					must(fmt.Errorf("%d for %d", rep.N, n))
				}
				made.Add(1)
			}
		}()
	}
	say("ready")
	for {
		if order, args := s.next(); order == "made" {
			for made.Load() < number(args[0]) {
				time.Sleep(often)
			}
			say("ok")
		}
	}
}

func (c *crew) play(role string) *child {
	c.t.Helper()
	a := start(c.t, role, c.o)
	require.True(c.t, strings.HasPrefix(a.hear(), "ready"))
	return a
}

// roomy has room for the callers and servers of a test.
func roomy() bus.Options {
	geo := small()
	geo.Normal.Pins = 256
	return bus.Options{Geometry: geo}
}

// Clients of several processes call servers of others, all over one lane.
func TestProcessesCall(t *testing.T) {
	c := newCrew(t, roomy())
	c.play("server")
	callers := []*child{c.play("caller"), c.play("caller")}
	client := newClient(t, c.b, nil)
	for i := range uint64(500) {
		rep, err := client.Call(background(), &ask{i + 1})
		require.NoError(t, err)
		require.Equal(t, 2*(i+1), rep.N)
	}
	for _, p := range callers {
		p.expect("ok", "made 500")
	}
	assert.Zero(t, client.Stats().Late, "replies to others are none of ours")
}

// A server is killed with a request in hand: that call sees its deadline, and the
// next one that nobody serves; once a server is back, calls are served again.
func TestServerKilledWithRequestInHand(t *testing.T) {
	c := newCrew(t, roomy())
	patient := newClient(t, c.b, &bus.ClientOptions{Timeout: 2 * time.Second})
	endless := newClient(t, c.b, &bus.ClientOptions{Timeout: -1})
	for range 3 {
		_, err := patient.Call(background(), &ask{1})
		require.ErrorIs(t, err, bus.ErrNoSubscriber)
		server := c.play("server")
		_, err = patient.Call(background(), &ask{1})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(background())
		var calls []<-chan error
		for _, client := range []*bus.Client[ask, answer]{patient, endless} {
			calls = append(calls, async(func() error { _, err := client.Call(ctx, &ask{1000}); return err }))
		}
		require.Equal(t, "holds 1000", server.hear())
		require.Equal(t, "holds 1000", server.hear())
		server.kill()
		require.ErrorIs(t, result(t, calls[0]), bus.ErrTimeout)
		require.Eventually(t, func() bool {
			short, done := context.WithTimeout(background(), time.Millisecond)
			defer done()
			_, err := patient.Call(short, &ask{1})
			return errors.Is(err, bus.ErrNoSubscriber)
		}, patience, often)
		cancel()
		require.ErrorIs(t, result(t, calls[1]), context.Canceled)
	}
	assert.Zero(t, patient.Stats().Outstanding+endless.Stats().Outstanding)
}

// Two servers of two processes serve the same type. One is killed at any time:
// no call fails.
func TestOneOfTwoServersKilled(t *testing.T) {
	c := newCrew(t, roomy())
	c.play("server")
	client := newClient(t, c.b, nil)
	for range 5 {
		other := c.play("server")
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := uint64(1); ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					rep, err := client.Call(background(), &ask{1 + n%900})
					if !assert.NoError(t, err) || !assert.Equal(t, 2*(1+n%900), rep.N) {
						return
					}
				}
			})
		}
		made := client.Stats().Replied
		require.Eventually(t, func() bool { return client.Stats().Replied > made+200 }, patience, often)
		other.kill()
		made = client.Stats().Replied
		require.Eventually(t, func() bool { return client.Stats().Replied > made+3*capacity }, patience, often)
		close(stop)
		wg.Wait()
	}
}

// Callers are killed with calls under way: the server goes on, and so do others.
func TestCallersKilled(t *testing.T) {
	c := newCrew(t, roomy())
	s := serve(t, c.b, nil, double)
	client := newClient(t, c.b, nil)
	for range 5 {
		p := c.play("caller")
		p.expect("ok", "made 100")
		p.kill()
		for i := range uint64(2 * capacity) {
			rep, err := client.Call(background(), &ask{i})
			require.NoError(t, err)
			require.Equal(t, 2*i, rep.N)
		}
	}
	require.Eventually(t, func() bool { return s.Stats().Running == 0 }, patience, often)
	assert.Zero(t, s.Stats().Failed+s.Stats().Refused+client.Stats().Late)
}

// A client whose process stands still gets what waited for it, or is evicted;
// nobody waits for it for longer.
func TestClientFrozen(t *testing.T) {
	o := roomy()
	o.Geometry.Normal.EvictAfter = time.Millisecond
	c := newCrew(t, o)
	serve(t, c.b, nil, double)
	p := c.play("caller")
	p.expect("ok", "made 10")
	p.freeze()
	client := newClient(t, c.b, nil)
	for i := range uint64(5 * capacity) {
		_, err := client.Call(background(), &ask{i})
		require.NoError(t, err)
	}
}

// Servers of a group in several processes: one is killed, and the requests that
// go to its lanes are served by another; only what it had in hand is lost.
func TestServerOfAGroupKilled(t *testing.T) {
	geo := sharded()
	geo.Normal.Pins = 128
	c := newCrew(t, bus.Options{Geometry: geo})
	c.o.Heal = 0 // the group finds out by itself
	client := newClient(t, c.b, &bus.ClientOptions{Timeout: patience})
	hasty := newClient(t, c.b, &bus.ClientOptions{Timeout: 10 * time.Millisecond})
	start := func() *child {
		p := start(t, "server", c.o, "servers")
		require.Regexp(t, "^ready", p.hear())
		return p
	}
	start()
	for round := range uint64(3) {
		p := start()
		for i := range uint64(8 * shards) {
			m, err := client.CallWith(background(), &ask{i + 1}, bus.With{Key: i})
			require.NoError(t, err)
			require.Equal(t, 2*(i+1), m.Value.N)
		}
		for i := range uint64(shards) {
			_, err := hasty.CallWith(background(), &ask{1000}, bus.With{Key: 1000*(round+1) + i})
			require.ErrorIs(t, err, bus.ErrTimeout)
		}
		p.kill()
		for i := range uint64(8 * shards) {
			m, err := client.CallWith(background(), &ask{i + 1}, bus.With{Key: i})
			require.NoError(t, err)
			require.Equal(t, 2*(i+1), m.Value.N)
		}
	}
	assert.Zero(t, client.Stats().Late+hasty.Stats().Late)
}

// A server that stands still is alive: its callers see their deadlines, and
// nobody else waits for it. When it goes on it drops what has expired.
func TestServerFrozen(t *testing.T) {
	o := roomy()
	o.Geometry.Normal.EvictAfter = time.Millisecond
	c := newCrew(t, o)
	server := c.play("server")
	hasty := newClient(t, c.b, &bus.ClientOptions{Timeout: 10 * time.Millisecond})
	server.freeze()
	for range 3 {
		_, err := hasty.Call(background(), &ask{1})
		require.ErrorIs(t, err, bus.ErrTimeout)
	}
	pub := newPub[tick](t, c.b, nil)
	for range 5 * capacity {
		require.NoError(t, pub.Publish(background(), &tick{}))
	}
	server.signal(syscall.SIGCONT)
	patient := newClient(t, c.b, nil)
	_, err := patient.Call(background(), &ask{2})
	require.NoError(t, err)
	assert.Zero(t, hasty.Stats().Late, "what has expired is not served")
}

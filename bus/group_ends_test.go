package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// Members of a group come and go in every way, with events out, copied, behind a key
// or at work, and acked late: each event is finished, and no lane stays with anybody.
func TestMembersEndInEveryWay(t *testing.T) {
	leak.Check(t)
	lives := 100
	if testing.Short() {
		lives = 30
	}
	geo := sharded()
	t.Run("Shared", func(t *testing.T) {
		dir := t.TempDir()
		join := func() *bus.Bus {
			o := bus.Options{Dir: dir, Geometry: geo}
			b, err := bus.Open("test", &o)
			require.NoError(t, err)
			return b
		}
		endInEveryWay(t, join, lives)
	})
	t.Run("Local", func(t *testing.T) {
		b, err := bus.OpenLocal(&bus.Options{Geometry: geo})
		require.NoError(t, err)
		endInEveryWay(t, func() *bus.Bus { return b }, lives)
	})
}

func endInEveryWay(t *testing.T, join func() *bus.Bus, lives int) {
	t.Helper()
	home := join()
	defer func() { assert.NoError(t, home.Close()) }()
	require.NoError(t, member(t, home, "founder").Close())
	c := &crowd{finished: map[uint64]bool{}}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var guests sync.WaitGroup
	for i := range uint64(3) {
		g := &guest{TB: t, crowd: c, join: join, home: home, rng: rand.New(rand.NewPCG(seed, i))}
		guests.Go(func() {
			for range lives {
				g.live()
			}
		})
	}
	over := make(chan struct{})
	published := async(func() error { return c.publish(newPub[tick](t, home, nil), over) })
	guests.Wait()
	close(over)
	require.NoError(t, result(t, published))

	last := member(t, home, "last")
	for c.left() > 0 {
		m, err := last.ReceiveTimeout(patience)
		require.NoError(t, err, "%d events have not come", c.left())
		c.finish(m.Value.Seq)
	}
	settled(t, home, map[string]int{"last": shards})
	require.NoError(t, last.Close())
	require.NoError(t, home.RemoveGroup("work"))
	held, err := home.Held()
	require.NoError(t, err)
	assert.Zero(t, held.Subscribers+held.Pins, "%+v", held)
	assert.NoError(t, home.Audit())
}

// crowd is what all members have finished.
type crowd struct {
	mu        sync.Mutex
	finished  map[uint64]bool
	published atomic.Uint64
}

func (c *crowd) finish(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished[seq] = true
}

func (c *crowd) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.published.Load()) - len(c.finished)
}

func (c *crowd) publish(pub *bus.Publisher[tick], over <-chan struct{}) error {
	for n := uint64(0); ; {
		select {
		case <-over:
			return nil
		default:
		}
		switch err := pub.TryPublishWith(&tick{Seq: n}, bus.With{Key: n % 13}); {
		case err == nil:
			n++
			c.published.Store(n)
		case errors.Is(err, bus.ErrFull):
			runtime.Gosched()
		default:
			return err
		}
	}
}

// guest lives as one member after the other.
type guest struct {
	testing.TB
	*crowd
	join func() *bus.Bus
	home *bus.Bus
	rng  *rand.Rand
	late []func() // acks
}

func (g *guest) one(in int) bool { return g.rng.IntN(in) == 0 }

func (g *guest) live() {
	b := g.join()
	o := bus.SubscribeOptions{Group: "work", Window: work.Window, Name: fmt.Sprint("member ", g.rng.IntN(100))}
	if g.one(2) {
		g.handle(b, o)
	} else {
		g.receive(b, o)
	}
	if b != g.home {
		if g.one(2) {
			ctx, cancel := context.WithTimeout(background(), time.Duration(g.rng.IntN(3))*time.Millisecond)
			_ = b.Drain(ctx) // whether it comes to an end does not matter
			cancel()
		}
		if g.one(2) {
			g.ackAll()
		}
		assert.NoError(g, b.Close())
	}
	g.ackAll()
}

func (g *guest) ackAll() {
	for _, ack := range g.late {
		ack()
	}
	g.late = nil
}

func (g *guest) receive(b *bus.Bus, o bus.SubscribeOptions) {
	m, err := bus.Subscribe[tick](b, &o)
	if !assert.NoError(g, err) {
		return
	}
	for range g.rng.IntN(60) {
		ctx, cancel := context.WithTimeout(background(), time.Millisecond)
		switch g.rng.IntN(4) {
		case 0:
			_ = m.View(ctx, func(v *tick, _ *bus.Event) error { g.finish(v.Seq); return nil })
		case 1:
			copies := make([]bus.Message[tick], 8)
			n, _ := m.ReceiveBatch(ctx, copies)
			for _, c := range copies[:n] {
				g.finish(c.Value.Seq)
			}
		default:
			if d, err := m.Take(ctx); err == nil {
				g.late = append(g.late, func() { g.finish(d.Value().Seq); d.Ack() })
			}
		}
		cancel()
		for len(g.late) > 0 && !g.one(3) {
			i := g.rng.IntN(len(g.late))
			g.late[i]()
			g.late = append(g.late[:i], g.late[i+1:]...)
		}
	}
	if b == g.home || g.one(2) {
		assert.NoError(g, m.Close())
	}
}

func (g *guest) handle(b *bus.Bus, o bus.SubscribeOptions) {
	var handled atomic.Int64
	h, err := bus.Handle(b, &bus.HandlerOptions{MaxConcurrent: 1 + g.rng.IntN(3), SubscribeOptions: o},
		func(ctx context.Context, v *tick, _ *bus.Event) error {
			if err := ctx.Err(); err != nil {
				return err // let be
			}
			runtime.Gosched()
			g.finish(v.Seq)
			if handled.Add(1); v.Seq%97 == 0 {
				panic("it is finished all the same")
			}
			return nil
		})
	if !assert.NoError(g, err) {
		return
	}
	some := int64(g.rng.IntN(30))
	for wait := time.Now().Add(10 * time.Millisecond); handled.Load() < some && time.Now().Before(wait); {
		runtime.Gosched()
	}
	ended, cancel := context.WithCancel(background())
	cancel()
	switch n := g.rng.IntN(4); {
	case n == 0:
		assert.NoError(g, h.Stop(background()))
	case n == 1:
		_ = h.Stop(ended)
	case n == 2 || b == g.home:
		assert.NoError(g, h.Close())
	} // or its bus ends
}

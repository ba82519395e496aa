package bus_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func init() { roles["static"] = staticActor }

// staticActor does on the static ring what it is told.
func staticActor([]string) {
	s := newStage(os.Args[1:])
	b, err := bus.Open("test", &s.options)
	must(err)
	r, err := bus.OpenStatic[tick](b, "ticks", nil)
	must(err)
	pub, err := r.Publisher()
	must(err)
	say("ready %d", b.ID())
	var sub *bus.StaticSubscriber[tick]
	for {
		switch order, args := s.next(); order {
		case "subscribe": // [durable]
			o := bus.SubscribeOptions{Name: "actor", Window: 4, Wait: bus.WaitPark}
			if len(args) > 0 {
				o.Durable = args[0]
			}
			sub, err = r.Subscribe(&o)
			must(err)
			say("ok")
		case "receive": // until seq; answers every event
			for last := number(args[0]); ; {
				v, err := sub.Receive(background())
				must(err)
				if say("%d", v.Seq); v.Seq == last {
					break
				}
			}
		case "drain": // until seq; answers what it saw
			drainStatic(sub, number(args[0]))
		case "hold": // receives one in place and keeps it
			must(sub.View(background(), func(v *tick) error {
				say("%d", v.Seq)
				seq := v.Seq
				s.next()
				if v.Seq != seq {
					say("torn")
				}
				return nil
			}))
			say("ok")
		case "publish": // from to
			for i := number(args[0]); i < number(args[1]); i++ {
				must(pub.Publish(background(), &tick{Seq: i}))
			}
			say("ok")
		case "flood": // who; until it is killed
			say("ok")
			batch := make([]tick, 3)
			for i := uint64(0); ; {
				tag := number(args[0]) << 32
				must(pub.Publish(background(), &tick{Seq: tag | i}))
				for k := range batch {
					batch[k].Seq = tag | (i + 1 + uint64(k))
				}
				_, err := pub.PublishBatch(background(), batch)
				must(err)
				l, err := pub.Loan()
				must(err)
				l.Value().Seq = tag | (i + 4)
				must(l.Publish(background()))
				i += 5
			}
		case "close":
			must(b.Close())
			say("ok")
			os.Exit(0)
		}
	}
}

// drainStatic receives in place up to the last tick and answers how many it
// received and missed.
func drainStatic(sub *bus.StaticSubscriber[tick], last uint64) {
	received, missed, next := uint64(0), uint64(0), uint64(0)
	evicted := false
	for next <= last {
		_, err := sub.ViewBatch(background(), 64, func(v *tick) error {
			if v.Seq != next {
				return fmt.Errorf("tick %d instead of %d", v.Seq, next)
			}
			next++
			received++
			return nil
		})
		if lag, ok := errors.AsType[*bus.LagError](err); ok {
			missed += lag.Missed
			next += lag.Missed
			evicted = evicted || lag.Evicted
			continue
		}
		must(err)
	}
	say("received %d missed %d evicted %t", received, missed, evicted)
}

// staticCrew is a crew with the static ring open.
type staticCrew struct {
	*crew
	ring *bus.Static[tick]
}

func newStaticCrew(t *testing.T, o *bus.StaticOptions) *staticCrew {
	t.Helper()
	c := newCrew(t, bus.Options{Geometry: small()})
	return &staticCrew{c, ticks(t, c.b, o)}
}

func (c *staticCrew) start() *child {
	c.t.Helper()
	a := start(c.t, "static", c.o)
	require.Regexp(c.t, `^ready \d+$`, a.hear())
	return a
}

func (c *staticCrew) subscriber(durable string) *child {
	c.t.Helper()
	a := c.start()
	a.expect("ok", "subscribe %s", durable)
	return a
}

func TestStaticProcessesPublishAndReceive(t *testing.T) {
	c := newStaticCrew(t, smallStatic())
	subs := []*child{c.subscriber(""), c.subscriber("")}
	const events = 5000
	for _, s := range subs {
		s.tell("drain %d", events-1)
	}
	pub := c.start()
	pub.expect("ok", "publish 0 %d", events)
	for _, s := range subs {
		assert.Equal(t, fmt.Sprintf("received %d missed 0 evicted false", events), s.hear())
		s.expect("ok", "close")
	}
	pub.expect("ok", "close")
}

// A process that is parked is woken by another: its own sleep would last an hour.
func TestStaticProcessIsWoken(t *testing.T) {
	c := newStaticCrew(t, smallStatic())
	sub := c.subscriber("")
	pub := staticPub(t, c.ring)
	for i := range 30 {
		sub.tell("receive %d", i)
		sleeping(t, c.ring, "actor")
		putTicks(t, pub, i, i+1)
		require.Equal(t, strconv.Itoa(i), sub.hear())
	}
}

// Publishers are killed at random; the others go on, and the events of each are
// whole, in order and without a hole.
func TestStaticPublishersKilled(t *testing.T) {
	o := smallStatic()
	o.Participants, o.Ports = 5, 4 // so that the living need what the dead had
	c := newStaticCrew(t, o)
	sub := staticSub(t, c.ring, nil)
	const rounds = 12
	var crew []*child
	next := map[uint64]uint64{}
	see := func() {
		v, err := sub.Receive(background())
		require.NoError(t, err)
		who := v.Seq >> 32
		require.Equal(t, next[who], v.Seq&0xffffffff)
		next[who]++
	}
	for who := range rounds + 2 {
		p := c.start()
		p.expect("ok", "flood %d", who)
		if crew = append(crew, p); len(crew) < 3 {
			continue
		}
		for range 500 + 37*who {
			see()
		}
		crew[0].kill()
		crew = crew[1:]
		for range 3 * capacity {
			see()
		}
	}
	for _, p := range crew {
		p.kill()
	}
	require.NoError(t, c.ring.Bus().RecoverDead())
	h, err := c.ring.Bus().Held()
	require.NoError(t, err)
	assert.Equal(t, bus.Held{Participants: 1, Subscribers: 1, Pins: 16, Cursors: 1}, h)
}

// A dead subscriber that holds a full ring is found by its lock byte: no policy
// would evict it for an hour.
func TestStaticSubscriberKilledThatHeldAFullRing(t *testing.T) {
	o := smallStatic()
	o.EvictAfter = time.Hour
	c := newStaticCrew(t, o)
	pub := staticPub(t, c.ring)
	for range 5 {
		sub := c.subscriber("")
		require.Equal(t, capacity, fillStatic(t, pub, 0))
		full := pub.Stats().Full
		done := async(func() error { return pub.Publish(background(), &tick{}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
		sub.kill()
		require.NoError(t, result(t, done))
	}
}

// A subscriber is killed in the middle of reading in place; another one reads on.
func TestStaticSubscriberKilledWhileItReads(t *testing.T) {
	c := newStaticCrew(t, smallStatic())
	pub, other := staticPub(t, c.ring), staticSub(t, c.ring, nil)
	for round := range 5 {
		sub := c.subscriber("")
		putTicks(t, pub, round, round+1)
		sub.expect(strconv.Itoa(round), "hold")
		requireStatic(t, other, round, round+1)
		sub.kill()
		require.NoError(t, c.ring.Bus().RecoverDead())
		h, err := c.ring.Bus().Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1, Subscribers: 1, Ports: 1, Pins: 16, Cursors: 1}, h)
	}
}

func TestStaticDurableSubscriberKilled(t *testing.T) {
	c := newStaticCrew(t, smallStatic())
	require.NoError(t, staticSub(t, c.ring, billing).Close())
	pub := staticPub(t, c.ring)
	const events, lives = 2000, 6
	done := async(func() error {
		for i := range events {
			if err := pub.Publish(background(), &tick{Seq: uint64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	last := -1
	for life := range lives {
		sub := c.subscriber("billing")
		sub.tell("receive %d", events-1)
		for n := 0; last < events-1; n++ {
			if life < lives-1 && n == 100 {
				sub.signal(syscall.SIGKILL) // what it has said is still to be heard
			}
			line := sub.hear()
			if line == "" {
				break
			}
			seq, err := strconv.Atoi(line)
			require.NoError(t, err)
			if n == 0 && seq == last {
				continue // not finished in its last life
			}
			require.Equal(t, last+1, seq)
			last = seq
		}
		sub.kill()
	}
	require.Equal(t, events-1, last)
	require.NoError(t, result(t, done))
}

// A frozen subscriber holds the ring back for EvictAfter and no longer, learns to
// the event what it has missed, and finds what it was reading untouched.
func TestStaticSubscriberFrozen(t *testing.T) {
	c := newStaticCrew(t, evictingStatic())
	sub, reader := c.subscriber(""), c.subscriber("")
	pub := staticPub(t, c.ring)
	putTicks(t, pub, 0, 1)
	reader.expect("0", "hold")
	reader.freeze()
	sub.freeze()
	const events = 1000
	for i := 1; i < events; i++ {
		require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
	}
	sub.tell("drain %d", events-1)
	sub.signal(syscall.SIGCONT)
	assert.Equal(t, fmt.Sprintf("received %d missed %d evicted true", capacity, events-capacity), sub.hear())
	reader.signal(syscall.SIGCONT)
	reader.expect("ok", "go")
}

// A peer that truncates the ring's file spoils it, and no process.
func TestStaticTruncatedByAPeer(t *testing.T) {
	o := bus.Options{Dir: t.TempDir(), Geometry: small(), Heal: 300 * time.Millisecond}
	p := start(t, "robbed static", o)
	require.Equal(t, "ready", p.hear())
	v, err := bus.Inspect("test/ticks", &o)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := v.Snapshot()
		return err == nil && len(s.Subscribers) == 1 && s.Subscribers[0].Waiting
	}, patience, often)
	require.NoError(t, v.Close())
	for _, f := range filesOf(t, o.Dir) {
		if strings.HasSuffix(f, ".ticks") {
			require.NoError(t, os.Truncate(filepath.Join(o.Dir, f), 0))
		}
	}
	p.tell("go")
	for _, what := range []string{"publish", "batch", "receive", "snapshot"} {
		line := p.hear()
		require.Contains(t, line, what+": ")
		require.NotContains(t, line, "<nil>")
	}
	require.Equal(t, "general: <nil>", p.hear(), "the bus is another region")
	require.Equal(t, "alive", p.hear())
}

func init() {
	roles["robbed static"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		r, err := bus.OpenStatic[tick](b, "ticks", smallStatic())
		must(err)
		pub, err := r.Publisher()
		must(err)
		sub, err := r.Subscribe(&bus.SubscribeOptions{Wait: bus.WaitPark})
		must(err)
		received := async(func() error { _, err := sub.Receive(background()); return err })
		say("ready")
		s.next()
		say("publish: %v", pub.TryPublish(&tick{}))
		_, err = pub.PublishBatch(background(), make([]tick, 3))
		say("batch: %v", err)
		say("receive: %v", <-received)
		_, err = r.Snapshot()
		say("snapshot: %v", err)
		general, err := bus.NewPublisher[tick](b, nil)
		must(err)
		say("general: %v", general.TryPublish(&tick{}))
		b.Close() // says that it could give nothing back
		say("alive")
	}
}

package bus_test

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// crew is a region of small lanes, and what starts processes on it.
type crew struct {
	t testing.TB
	o bus.Options
	b *bus.Bus
}

// newCrew opens the region in this process first. Sleeps end by a wake or not
// at all, and nobody recovers the dead but who needs what they held.
func newCrew(t testing.TB, o bus.Options) *crew {
	t.Helper()
	o.Dir = t.TempDir()
	o.Heal, o.RecoverEvery = time.Hour, time.Hour
	return &crew{t, o, open(t, o.Dir, o)}
}

func (c *crew) start() *child {
	c.t.Helper()
	a := start(c.t, "actor", c.o)
	require.Regexp(c.t, `^ready \d+$`, a.hear())
	return a
}

// subscriber starts an actor that has subscribed.
func (c *crew) subscriber(durable string) *child {
	c.t.Helper()
	a := c.start()
	a.expect("ok", "subscribe %s", durable)
	return a
}

func TestProcessesPublishAndReceive(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	subs := []*child{c.subscriber(""), c.subscriber(""), c.subscriber("")}
	const events = 5000
	for _, s := range subs {
		s.tell("drain %d", events-1)
	}
	pub := c.start()
	pub.expect("ok", "publish 0 %d 1", events)
	for _, s := range subs {
		assert.Equal(t, fmt.Sprintf("received %d missed 0 evicted false", events), s.hear())
		s.expect("ok", "close")
	}
	pub.expect("ok", "close")
}

// A process that is parked is woken by another: its own sleep would last an hour.
func TestProcessIsWoken(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	sub := c.subscriber("")
	pub := newPub[tick](t, c.b, nil)
	for i := range 30 {
		sub.tell("receive %d", i)
		waiting(t, c.b, "actor")
		publishTicks(t, pub, i, i+1)
		require.Equal(t, strconv.Itoa(i), sub.hear())
	}
}

// A durable subscriber is killed again and again: no event is missed, and none
// comes twice but the one that it had not finished.
func TestDurableSubscriberKilled(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	require.NoError(t, newSub[tick](t, c.b, billing).Close())
	pub := newPub[tick](t, c.b, nil)
	const events, lives = 3000, 8
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

func TestDurableSubscriptionInUseByALiveProcess(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	sub := c.subscriber("billing")
	_, err := bus.Subscribe[tick](c.b, billing)
	require.ErrorIs(t, err, bus.ErrInUse)
	assert.ErrorContains(t, err, strconv.Itoa(sub.cmd.Process.Pid))
	second := c.start()
	second.expect("in use", "subscribe billing")
	sub.kill()
	second.expect("ok", "subscribe billing")
	second.kill()
	newSub[tick](t, c.b, billing)
}

// Publishers are killed at random; the others go on, and the events of each are
// whole, in order and without a hole.
func TestPublishersKilled(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	sub := newSub[tick](t, c.b, nil)
	const rounds = 12
	var crew []*child
	for key := range rounds + 2 {
		p := c.start()
		p.expect("ok", "flood %d", key)
		if crew = append(crew, p); len(crew) < 3 {
			continue
		}
		next := map[uint64]uint64{}
		see := func() {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			if n, ok := next[m.Key]; ok {
				require.Equal(t, n, m.Value.Seq)
			}
			next[m.Key] = m.Value.Seq + 1
		}
		for range 500 + 37*key {
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
	require.NoError(t, c.b.RecoverDead())
	h, err := c.b.Held()
	require.NoError(t, err)
	assert.Equal(t, bus.Held{Participants: 1, Subscribers: 1, Pins: 16, Cursors: 1}, h)
}

// A frozen subscriber holds a reliable lane back for EvictAfter and no longer,
// and learns to the event what it has missed.
func TestSubscriberFrozen(t *testing.T) {
	c := newCrew(t, evicting())
	sub := c.subscriber("")
	sub.freeze()
	pub := newPub[tick](t, c.b, nil)
	const events = 1000
	for i := range events {
		require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
	}
	missed := row(t, c.b, "actor", bus.Normal).Depth
	require.Equal(t, uint64(events), missed)
	sub.tell("drain %d", events-1)
	sub.signal(syscall.SIGCONT)
	var received, lost int
	var evicted bool
	_, err := fmt.Sscanf(sub.hear(), "received %d missed %d evicted %t", &received, &lost, &evicted)
	require.NoError(t, err)
	assert.Equal(t, events, received+lost)
	assert.Positive(t, lost)
	assert.True(t, evicted)
}

// Frozen in the middle of reading in place: what it reads stays.
func TestSubscriberFrozenWhileItReads(t *testing.T) {
	c := newCrew(t, evicting())
	sub := c.subscriber("")
	pub := newPub[tick](t, c.b, nil)
	publishTicks(t, pub, 0, 1)
	sub.expect("0", "hold")
	sub.freeze()
	for i := range 20 * capacity {
		require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(1 + i)}))
	}
	sub.signal(syscall.SIGCONT)
	sub.expect("ok", "go")
}

// A dead subscriber that holds a full lane is found by its lock byte: no policy
// would evict it for an hour.
func TestSubscriberKilledThatHeldAFullLane(t *testing.T) {
	geo := small()
	geo.Normal.EvictAfter = time.Hour
	c := newCrew(t, bus.Options{Geometry: geo})
	pub := newPub[tick](t, c.b, nil)
	for range 5 {
		sub := c.subscriber("")
		require.Equal(t, capacity, fill(t, pub, 0))
		full := pub.Stats().Full
		done := async(func() error { return pub.Publish(background(), &tick{}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
		sub.kill()
		require.NoError(t, result(t, done))
	}
}

func TestSeatsOfTheDeadAreTakenAgain(t *testing.T) {
	geo := small()
	geo.Participants, geo.Subscribers, geo.Normal.Ports = 2, 1, 2
	c := newCrew(t, bus.Options{Geometry: geo})
	newPub[tick](t, c.b, nil)
	for range 6 {
		sub := c.subscriber("") // needs the last seat of each table
		_, err := bus.Open("test", &c.o)
		require.ErrorIs(t, err, bus.ErrTooMany)
		sub.kill()
	}
	sub := c.subscriber("")
	s, err := c.b.Snapshot()
	require.NoError(t, err)
	require.Len(t, s.Participants, 2)
	assert.True(t, s.Participants[1].Alive)
	sub.kill()
	s, err = c.b.Snapshot()
	require.NoError(t, err)
	require.Len(t, s.Participants, 2)
	assert.False(t, s.Participants[1].Alive)
	require.NoError(t, c.b.RecoverDead())
	newSub[tick](t, c.b, nil)
}

func init() {
	roles["sleepers"] = func(args []string) {
		s := newStage(args)
		b, err := bus.Open("test", &s.options)
		must(err)
		n, err := strconv.Atoi(args[1])
		must(err)
		results := make(chan error)
		for i := range n {
			sub, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Name: fmt.Sprint("sleeper ", i), Window: 1, Wait: bus.WaitPark})
			must(err)
			go func() {
				m, err := sub.Receive(background())
				if err == nil && m.Value.Seq != 42 {
					err = fmt.Errorf("received %d", m.Value.Seq)
				}
				results <- err
			}()
		}
		say("ready")
		for range n {
			must(<-results)
		}
		say("all")
		threads, err := os.ReadDir("/proc/self/task")
		must(err)
		say("%d", len(threads))
	}
}

// Hundreds of subscriptions of a process sleep, on a few threads, and one event
// wakes them all.
func TestManySleepersOfAProcess(t *testing.T) {
	const sleepers = 200
	geo := small()
	geo.Subscribers, geo.Normal.Pins = 256, 256
	c := newCrew(t, bus.Options{Geometry: geo})
	p := start(t, "sleepers", c.o, strconv.Itoa(sleepers))
	require.Equal(t, "ready", p.hear())
	require.Eventually(t, func() bool {
		s, err := c.b.Snapshot()
		n := 0
		for _, r := range s.Subscribers {
			if r.Waiting {
				n++
			}
		}
		return err == nil && n == sleepers
	}, patience, often)
	publishTicks(t, newPub[tick](t, c.b, nil), 42, 43)
	require.Equal(t, "all", p.hear())
	threads, err := strconv.Atoi(p.hear())
	require.NoError(t, err)
	assert.Less(t, threads, 50)
}

// A killed subscriber does not count for long, although nobody but the publisher
// looks for the dead. A frozen one counts.
func TestRequireSubscriberOfAnotherProcess(t *testing.T) {
	c := newCrew(t, bus.Options{Geometry: small()})
	pub := newPub[tick](t, c.b, required)
	require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSubscriber)
	for range 3 {
		sub := c.subscriber("")
		require.NoError(t, pub.TryPublish(&tick{}))
		sub.freeze()
		require.NoError(t, pub.TryPublish(&tick{}))
		sub.kill()
		require.Eventually(t, func() bool { return pub.TryPublish(&tick{}) != nil }, patience, often)
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSubscriber)
		h, err := c.b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1, Ports: 1}, h, "the publisher has recovered it")
	}
	sub := c.subscriber("billing")
	sub.kill()
	require.NoError(t, pub.TryPublish(&tick{}), "durable: it gets the event later")
	require.NoError(t, c.b.RecoverDead())
	require.NoError(t, pub.TryPublish(&tick{}))
	require.NoError(t, c.b.RemoveDurable("billing"))
	require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSubscriber)
}

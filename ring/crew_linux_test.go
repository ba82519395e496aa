package ring_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// Participants of a world that live in the test's own process, each with an
// attachment of its own. They must go on whatever happens to a child.
const (
	witnessID  = 1 // reads every event of a reliable lane
	dawdlerID  = 2 // reads in pieces
	singleID   = 3 // publishes one by one
	batcherID  = 4 // publishes in batches, and lets go of its port at times
	sleeperID  = 6 // reads and sleeps between
	parentID   = 7 // the test itself
	childID    = 8 // the child that dies or freezes
	helperID   = 9 // the child that recovers it
	victimID   = 10
	laps       = 40
	allowSlice = 48 // events allowed at a time
)

// crew is the participants in the test's process.
type crew struct {
	t       *testing.T
	w       *world
	actors  map[int]*actor
	errs    map[int]chan error
	witness *follower
}

// newCrew puts a crew into a world. Nobody publishes before the test allows it.
func newCrew(t *testing.T, dir string, geo ring.Geometry, holder bool) *crew {
	t.Helper()
	c := &crew{t: t, actors: map[int]*actor{}, errs: map[int]chan error{}}
	w, err := enter(dir, geo, parentID)
	require.NoError(t, err)
	c.w = w
	t.Cleanup(func() { _ = w.leave() })
	members := map[int]func(a *actor, f *follower) error{
		witnessID: func(_ *actor, f *follower) error { return f.follow(false, false) },
		dawdlerID: func(_ *actor, f *follower) error { return f.follow(true, false) },
		sleeperID: func(_ *actor, f *follower) error { return f.follow(false, true) },
		singleID:  func(a *actor, _ *follower) error { return a.produce(0, 1, 0) },
		batcherID: func(a *actor, _ *follower) error { return a.produce(0, 3, 20) },
	}
	if holder {
		members[holderID] = func(_ *actor, f *follower) error { return f.hold() }
	}
	for id, live := range members {
		w, err := enter(dir, geo, id)
		require.NoError(t, err)
		a := &actor{world: w}
		a.spareHolder.Store(true)
		var f *follower
		if id != singleID && id != batcherID { // readers join before the first event
			f, err = a.join(0, (*ring.Reader).Join)
			require.NoError(t, err)
		}
		if id == witnessID {
			c.witness = f
		}
		errs := make(chan error, 1)
		c.actors[id], c.errs[id] = a, errs
		go func() {
			err := live(a, f)
			if err != nil {
				a.stop.Store(true)
			}
			errs <- err
		}()
		t.Cleanup(func() { a.stop.Store(true) })
	}
	return c
}

// allow lets producers publish so many events more than there are.
func (c *crew) allow(events uint64) {
	if to := c.w.published() + events; to > c.w.allowed.Load() {
		c.w.allowed.Store(to)
	}
}

// traffic keeps the world busy: to be called again and again.
func (c *crew) traffic() { c.allow(allowSlice) }

// goOn waits until the crew has published and received many laps more. The
// holder keeps nobody up from here on.
func (c *crew) goOn() {
	c.t.Helper()
	for _, a := range c.actors {
		a.spareHolder.Store(false)
	}
	to := c.w.published() + laps*uint64(c.w.lane.Geometry().Capacity)
	got := map[int]uint64{}
	for id, a := range c.actors {
		got[id] = a.done.Load()
	}
	c.allow(laps * uint64(c.w.lane.Geometry().Capacity))
	ok := assert.Eventually(c.t, func() bool {
		return c.w.published() >= to && c.w.lane.Cursor(witnessID).Position-c.w.lane.Start() >= to
	}, patience, 200*time.Microsecond)
	if !ok {
		c.complain()
	}
	for id, a := range c.actors {
		require.Eventually(c.t, func() bool {
			c.traffic()
			return a.done.Load() > got[id]
		}, patience, 200*time.Microsecond, "participant %d does nothing", id)
	}
}

func (c *crew) complain() {
	for id, errs := range c.errs {
		select {
		case err := <-errs:
			require.NoError(c.t, err, "participant %d", id)
		default:
		}
	}
	require.FailNow(c.t, "the lane makes no progress", "published %d of %d, gates %+v, stats %+v",
		c.w.published(), c.w.allowed.Load(), c.w.lane.Gates(nil), c.w.lane.Stats())
}

// end stops the crew, producers first, and holds the world to account.
func (c *crew) end(killed ...int) {
	c.t.Helper()
	for _, group := range [][]int{{singleID, batcherID}, {holderID}, {witnessID, dawdlerID, sleeperID}} {
		for _, id := range group {
			if a := c.actors[id]; a != nil {
				a.stop.Store(true)
			}
		}
		for _, id := range group {
			if c.errs[id] == nil {
				continue
			}
			select {
			case err := <-c.errs[id]:
				require.NoError(c.t, err, "participant %d", id)
			case <-time.After(patience):
				c.complain()
			}
		}
	}
	if c.w.lane.Geometry().Reliable {
		require.Zero(c.t, c.witness.missed, "missed by a reader that nobody evicted")
		require.Zero(c.t, c.witness.r.Evictions())
	}
	dead := map[int]bool{}
	for _, id := range killed {
		dead[id] = true
	}
	require.NoError(c.t, c.w.audit(dead))
	require.Zero(c.t, c.w.lane.Stats().PortsUsed, "ports that nobody has")
	require.Zero(c.t, c.w.lane.Stats().PinsUsed, "pins that nobody has")
	for _, a := range c.actors {
		require.NoError(c.t, a.leave())
	}
}

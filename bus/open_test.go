package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestJoinAdoptsTheGeometryThatIsThere(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, bus.Options{Geometry: small()})
	for _, o := range []bus.Options{
		{}, {Join: true}, {Geometry: small()}, {Geometry: bus.Geometry{Normal: bus.LaneGeometry{Capacity: capacity}}},
	} {
		assert.Equal(t, first.Geometry(), open(t, dir, o).Geometry())
	}
}

func TestJoinWithAnotherGeometryNamesEachDifference(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, bus.Options{Geometry: small()})
	asked := bus.Geometry{Types: 99}
	asked.Critical = bus.LaneGeometry{Capacity: 128, SlotSize: 256, Policy: bus.Lossy}
	asked.Low = bus.LaneGeometry{Ports: 3, Pins: 64, EvictAfter: time.Minute, NoTime: true, Shards: 2, Batch: 9}
	_, err := bus.Open("test", &bus.Options{Dir: dir, Geometry: asked})
	var geo *bus.GeometryError
	require.ErrorAs(t, err, &geo)
	assert.ErrorIs(t, err, bus.ErrGeometry)
	assert.ElementsMatch(t, []string{
		"Types is 16, asked for 99",
		"critical Capacity is 64, asked for 128",
		"critical SlotSize is 128, asked for 256",
		"critical Policy is reliable, asked for lossy",
		"low Ports is 8, asked for 3",
		"low Shards is 1, asked for 2",
		"low Batch is 8, asked for 9",
		"low EvictAfter is -1ns, asked for 1m0s",
		"low NoTime is false, asked for true",
	}, geo.Differences)
	h, err := b.Held()
	require.NoError(t, err)
	assert.Equal(t, bus.Held{Participants: 1}, h, "who is refused holds nothing")
}

func TestOpenChecksItsOptions(t *testing.T) {
	lane := func(f func(*bus.LaneGeometry)) bus.Geometry {
		g := small()
		f(&g.High)
		return g
	}
	for name, o := range map[string]bus.Options{
		"Heal":         {Heal: -1},
		"PortsPerLane": {PortsPerLane: -1},
		"RecoverEvery": {RecoverEvery: -1},
		"Wait":         {Wait: 9},
		"Participants": {Geometry: bus.Geometry{Participants: 1 << 20}},
		"Subscribers":  {Geometry: bus.Geometry{Subscribers: -1}},
		"Types":        {Geometry: bus.Geometry{Types: 1 << 20}},
		"Shards":       {Geometry: lane(func(l *bus.LaneGeometry) { l.Shards = 17 })},
		"Policy":       {Geometry: lane(func(l *bus.LaneGeometry) { l.Policy = 9 })},
		"capacity":     {Geometry: lane(func(l *bus.LaneGeometry) { l.Capacity = 100 })},
		"slot size":    {Geometry: lane(func(l *bus.LaneGeometry) { l.SlotSize = 100 })},
		"pins":         {Geometry: lane(func(l *bus.LaneGeometry) { l.Pins = 600 })},
	} {
		_, err := bus.OpenLocal(&o)
		assert.ErrorIsf(t, err, bus.ErrOptions, "%s", name)
		assert.ErrorContains(t, err, name)
		o.Dir = t.TempDir()
		_, err = bus.Open("test", &o)
		assert.ErrorIsf(t, err, bus.ErrOptions, "%s", name)
		regions, err := bus.List(o.Dir)
		if !errors.Is(err, bus.ErrUnsupported) {
			require.NoError(t, err)
			assert.Empty(t, regions, "nothing is made before all is checked")
		}
	}
}

func TestJoinNeverCreates(t *testing.T) {
	_, err := bus.Open("test", &bus.Options{Dir: t.TempDir(), Join: true})
	assert.Error(t, err)
}

func TestRemove(t *testing.T) {
	o := &bus.Options{Dir: t.TempDir(), Geometry: small()}
	b := open(t, o.Dir, *o)
	assert.ErrorIs(t, bus.Remove("test", o), bus.ErrInUse)
	require.NoError(t, b.Close())
	require.NoError(t, bus.Remove("test", o))
	assert.Error(t, bus.Remove("test", o))

	b = open(t, o.Dir, *o)
	v, err := bus.Inspect("test", o)
	require.NoError(t, err)
	defer v.Close()
	require.NoError(t, bus.RemoveForce("test", o))
	pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
	publishTicks(t, pub, 0, 5) // who is attached goes on
	requireTicks(t, sub, 0, 5)
	s, err := v.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, bus.StateRemoved, s.State)

	other := open(t, o.Dir, *o)
	requireEmpty(t, newSub[tick](t, other, &bus.SubscribeOptions{Start: bus.StartOldest}))
	s, err = v.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, bus.StateRemoved, s.State, "a region of the same name is another one")
}

func TestParticipantsBeyondTheTable(t *testing.T) {
	dir, geo := t.TempDir(), small()
	geo.Participants = 3
	first := open(t, dir, bus.Options{Geometry: geo})
	open(t, dir, bus.Options{})
	third := open(t, dir, bus.Options{})
	_, err := bus.Open("test", &bus.Options{Dir: dir})
	require.ErrorIs(t, err, bus.ErrTooMany)
	assert.ErrorContains(t, err, "raise Participants")
	id := third.ID()
	require.NoError(t, third.Close())
	assert.Equal(t, id, open(t, dir, bus.Options{}).ID(), "a seat that is given back is taken again")
	assert.NotEqual(t, id, first.ID())
}

func TestPortsBeyondTheLane(t *testing.T) {
	geo := small()
	geo.Normal.Ports = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		exclusive := &bus.PublisherOptions{Exclusive: true}
		one := newPub[tick](t, b, exclusive)
		newPub[tick](t, b, exclusive)
		_, err := bus.NewPublisher[tick](b, exclusive)
		require.ErrorIs(t, err, bus.ErrNoPort)
		assert.ErrorContains(t, err, "raise Ports")
		_, err = bus.NewPublisher[tick](b, nil)
		require.ErrorIs(t, err, bus.ErrNoPort)
		require.NoError(t, one.Close())
		for range 100 { // shared publishers need no more than the first
			require.NoError(t, newPub[tick](t, b, nil).TryPublish(&tick{}))
		}
	})
}

func TestExclusivePublisherOfAllShardsOrNone(t *testing.T) {
	geo := small()
	geo.Normal.Shards, geo.Normal.Ports = 3, 1
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		// A shared publisher takes the last shard's only port.
		require.NoError(t, newPub[tick](t, b, nil).Close())
		before, err := b.Held()
		require.NoError(t, err)
		_, err = bus.NewPublisher[tick](b, &bus.PublisherOptions{Exclusive: true})
		require.ErrorIs(t, err, bus.ErrNoPort)
		after, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

func TestPinBudget(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		wide := newSub[tick](t, b, &bus.SubscribeOptions{Window: 60})
		before, err := b.Held()
		require.NoError(t, err)
		_, err = bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 5})
		require.ErrorIs(t, err, bus.ErrPinBudget)
		assert.ErrorContains(t, err, "raise Pins")
		_, err = b.Subscribe(&bus.SubscribeOptions{Window: 5, Durable: "billing"}) // other lanes would have some
		require.ErrorIs(t, err, bus.ErrPinBudget)
		after, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, before, after, "who is refused holds nothing")
		newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
		require.NoError(t, wide.Close())
		newSub[tick](t, b, &bus.SubscribeOptions{Window: 60})
	})
}

// Nobody takes all that is left by default, so that a budget of 64 pins is enough
// for eight.
func TestDefaultWindowsShareTheBudget(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pins := 0
		for i, window := range []int{16, 16, 16, 8, 4, 2, 1, 1} {
			newSub[tick](t, b, nil)
			pins += window
			h, err := b.Held()
			require.NoError(t, err)
			require.Equal(t, pins, h.Pins, "subscription %d", i)
		}
		_, err := bus.Subscribe[tick](b, nil)
		require.ErrorIs(t, err, bus.ErrPinBudget)
	})
}

// A durable subscription that comes back has its own share to take from.
func TestDefaultWindowOfADurableThatComesBack(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		first := newSub[tick](t, b, billing)
		newSub[tick](t, b, &bus.SubscribeOptions{Window: 48}) // and nothing is left
		before, err := b.Held()
		require.NoError(t, err)
		require.NoError(t, first.Close())
		newSub[tick](t, b, billing)
		after, err := b.Held()
		require.NoError(t, err)
		assert.LessOrEqual(t, after.Pins, before.Pins)
		assert.Greater(t, after.Pins, 48)
	})
}

func TestSubscribersBeyondTheTable(t *testing.T) {
	geo := small()
	geo.Subscribers = 3
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		for range 2 {
			newSub[tick](t, b, nil)
		}
		last := newSub[tick](t, b, billing)
		require.NoError(t, last.Close()) // a durable one keeps its place
		_, err := bus.Subscribe[tick](b, nil)
		require.ErrorIs(t, err, bus.ErrTooMany)
		assert.ErrorContains(t, err, "raise Subscribers")
		require.NoError(t, newSub[tick](t, b, billing).Remove())
		newSub[tick](t, b, nil)
	})
}

// A place that is used again shows nothing of its last life.
func TestPlacesAreUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		for i := range 200 {
			s := newSub[tick](t, b, nil)
			require.Zero(t, s.Stats())
			publishTicks(t, pub, i, i+3)
			requireTicks(t, s, i, i+3)
			require.NoError(t, s.Close())
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1, Ports: 1}, h)
	})
}

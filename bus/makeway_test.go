package bus

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type urgentEvent struct{ N uint64 }

func (urgentEvent) EventType() TypeOptions { return TypeOptions{Priority: Critical} }

type floodEvent struct{ N uint64 }

func (floodEvent) EventType() TypeOptions { return TypeOptions{Priority: Low} }

// A flooding publisher makes way for Critical events that somebody who is awake has
// not come to: a few times for the same ones, since who has them may be stopped, and
// again for others.
func TestAFloodMakesWay(t *testing.T) {
	b, err := OpenLocal(&Options{})
	require.NoError(t, err)
	defer b.Close()
	urgent, err := NewPublisher[urgentEvent](b, nil)
	require.NoError(t, err)
	flood, err := NewPublisher[floodEvent](b, &PublisherOptions{Exclusive: true})
	require.NoError(t, err)
	seat := flood.own[0]
	ways := func(events int) int {
		for range events {
			require.NoError(t, flood.Publish(context.Background(), &floodEvent{}))
		}
		return seat.way.times
	}
	const enough = 2 * wayTimes * wayEvery * lookEvery
	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	assert.Zero(t, ways(enough), "nobody subscribes")

	s, err := Subscribe[urgentEvent](b, nil)
	require.NoError(t, err)
	defer s.Close()
	assert.Zero(t, ways(enough), "nothing is unread")

	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	assert.Zero(t, ways(lookEvery), "it may be about to be read")
	assert.Equal(t, wayTimes, ways(enough))

	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	ways(2 * wayEvery * lookEvery)
	assert.Less(t, seat.way.times, wayTimes, "it begins anew for others")
	assert.Positive(t, seat.way.times)

	for range 2 {
		_, err = s.TryReceive()
		require.NoError(t, err)
	}
	before := seat.way
	ways(enough)
	assert.Equal(t, [2]uint64{before.events, uint64(before.times)}, [2]uint64{seat.way.events, uint64(seat.way.times)}, "all is read")

	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	b.region.subscribers[s.s.record].waiting.Store(1)
	ways(enough)
	assert.Equal(t, before.events, seat.way.events, "the kernel wakes who sleeps")
	b.region.subscribers[s.s.record].waiting.Store(0)
	_, err = s.TryReceive()
	require.NoError(t, err)

	d, err := Subscribe[urgentEvent](b, &SubscribeOptions{Durable: "away"})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	_, err = s.TryReceive()
	require.NoError(t, err)
	ways(enough)
	assert.Equal(t, before.events, seat.way.events, "nobody is there to come to it")

	require.NoError(t, urgent.Publish(context.Background(), &urgentEvent{}))
	n, err := flood.PublishBatch(context.Background(), make([]floodEvent, 4*wayTimes*wayEvery*lookEvery))
	require.NoError(t, err)
	assert.Equal(t, 4*wayTimes*wayEvery*lookEvery, n)
	assert.NotEqual(t, before.events, seat.way.events)
	assert.Equal(t, wayTimes, seat.way.times, "in long batches, too")
}

// A publisher of Critical events makes way for nobody.
func TestCriticalMakesNoWay(t *testing.T) {
	b, err := OpenLocal(&Options{})
	require.NoError(t, err)
	defer b.Close()
	s, err := Subscribe[urgentEvent](b, nil)
	require.NoError(t, err)
	defer s.Close()
	p, err := NewPublisher[urgentEvent](b, &PublisherOptions{Exclusive: true})
	require.NoError(t, err)
	for range 4 * lookEvery {
		require.NoError(t, p.Publish(context.Background(), &urgentEvent{}))
		_, err = s.TryReceive()
		require.NoError(t, err)
	}
	assert.Zero(t, p.own[0].way.times)
	assert.False(t, p.own[0].way.pressed)
}

// Of a lane of two events nobody is three quarters behind who has read them.
func TestASmallLaneMakesWayForNobody(t *testing.T) {
	geo := tiny()
	geo.Normal.Capacity = 2
	b, err := OpenLocal(&Options{Geometry: geo})
	require.NoError(t, err)
	defer b.Close()
	p, err := NewPublisher[heeled](b, &PublisherOptions{Exclusive: true})
	require.NoError(t, err)
	for range 4 {
		require.NoError(t, p.TryPublish(&heeled{}))
		assert.False(t, p.own[0].look())
	}
}

// It makes way once in a quarter of a lap for who has three quarters to read.
func TestMakesWayForWhoIsFarBehind(t *testing.T) {
	b, _, s := heeling(t)
	p, err := NewPublisher[heeled](b, &PublisherOptions{Exclusive: true})
	require.NoError(t, err)
	seat, lap := p.own[0], p.own[0].use.Geometry().Capacity
	publish := func(n int) {
		for range n {
			require.NoError(t, p.TryPublish(&heeled{}))
		}
	}
	due := func() bool {
		seat.way.lap = lap / 4
		return seat.look()
	}
	assert.False(t, due(), "nothing is there")
	publish(lap/4*3 - 1)
	assert.False(t, due())
	publish(1)
	assert.True(t, due())
	assert.False(t, seat.look(), "not so soon again")
	publish(lap / 4)
	require.ErrorIs(t, p.TryPublish(&heeled{}), ErrFull)
	assert.Less(t, seat.way.lap, lap/4, "it has looked on its own")
	assert.True(t, due())
	for range lap {
		_, err := s.TryReceive()
		require.NoError(t, err)
	}
	assert.False(t, due(), "all is read")
}

package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// evicting is small with a Normal lane that waits but a moment.
func evicting() bus.Options {
	geo := small()
	geo.Normal.EvictAfter = time.Millisecond
	return bus.Options{Geometry: geo}
}

// A subscriber that stands still does not stop a reliable lane, and is told what
// it missed.
func TestSubscriberThatStandsStillIsEvicted(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		still := newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
		const events = 5 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		info := row(t, b, "still", bus.Normal)
		assert.True(t, info.Evicted)
		assert.False(t, info.Gated)

		_, err := still.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Normal, lag.Missed, lag.Missed, true)
		requireTicks(t, still, int(lag.Missed), events)
		assert.Equal(t, bus.SubscriberStats{Received: events - lag.Missed, Missed: lag.Missed, Evictions: 1}, still.Stats())

		info = row(t, b, "still", bus.Normal)
		assert.True(t, info.Gated, "who goes on is waited for again")
		publishTicks(t, pub, events, events+capacity)
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrFull)
		requireTicks(t, still, events, events+capacity)
	})
}

// Eviction takes the gate, never the pin: what a callback sees stays.
func TestEvictedInACallback(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
		publishTicks(t, pub, 0, 4)
		n, err := sub.ViewBatch(background(), 4, func(v *tick, e *bus.Event) error {
			seq := e.Header().Position
			for i := range 3 * capacity {
				if seq == 0 {
					require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(4 + i)}))
				}
			}
			assert.Equal(t, seq, v.Seq)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 4, n)
		_, err = sub.TryReceive()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Normal, lag.Missed, 4+lag.Missed, true)
		requireTicks(t, sub, int(lag.Resumed), 4+3*capacity)
	})
}

// One that keeps up loses nothing while another is evicted.
func TestEvictionOfOneLosesNothingOfAnother(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		newSub[tick](t, b, nil)
		busy := newSub[tick](t, b, nil)
		const events = 10 * capacity
		done := async(func() error {
			for i := range events {
				if err := pub.Publish(background(), &tick{Seq: uint64(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		expect, missed := uint64(0), uint64(0)
		for expect < events {
			m, err := busy.Receive(background())
			var lag *bus.LagError
			if errors.As(err, &lag) && lag.Evicted {
				// A machine that lets us not run for so long is a reason too.
				expect, missed = lag.Resumed, missed+lag.Missed
				continue
			}
			require.NoError(t, err)
			require.Equal(t, expect, m.Value.Seq)
			expect++
		}
		require.NoError(t, result(t, done))
		st := busy.Stats()
		assert.Equal(t, missed, st.Missed)
		assert.Equal(t, uint64(events), st.Received+st.Missed)
	})
}

// A subscriber that sleeps through events of other types is not in their way: it
// is woken to pass over them.
func TestUninterestedSleeperIsInNobodysWay(t *testing.T) {
	type wanted struct{ Seq uint64 }
	// Nothing but the nudge of a producer can wake it.
	o := bus.Options{Geometry: small(), Heal: time.Hour}
	eachWith(t, o, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		var sleepers []*bus.Subscriber[wanted]
		results := make(chan error)
		for _, name := range []string{"one", "two", "three"} {
			s := newSub[wanted](t, b, &bus.SubscribeOptions{Name: name, Wait: bus.WaitPark})
			sleepers = append(sleepers, s)
			go func() {
				m, err := s.Receive(background())
				assert.Equal(t, uint64(7), m.Value.Seq)
				results <- err
			}()
			waiting(t, b, name)
		}
		const events = 20 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		require.NoError(t, newPub[wanted](t, b, nil).Publish(background(), &wanted{7}))
		for range sleepers {
			require.NoError(t, result(t, results))
		}
		for _, s := range sleepers {
			st := s.Stats()
			assert.Equal(t, uint64(events), st.Filtered)
			assert.Equal(t, uint64(1), st.Received)
			assert.Zero(t, st.Missed)
		}
	})
}

package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// impatient is a bus whose receive calls are bounded, and on which nothing but a
// wake or a bound ends a sleep.
func impatient() bus.Options {
	return bus.Options{Geometry: small(), Heal: time.Hour, Timeout: 2 * time.Millisecond}
}

func TestTimeoutBoundsEveryReceive(t *testing.T) {
	for name, wait := range map[string]bus.Wait{"Auto": bus.WaitAuto, "Park": bus.WaitPark, "Spin": bus.WaitSpin} {
		t.Run(name, func(t *testing.T) {
			eachWith(t, impatient(), func(t *testing.T, b *bus.Bus) {
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Wait: wait})
				ctx, cancel := context.WithTimeout(background(), time.Hour)
				defer cancel()
				for _, ctx := range []context.Context{background(), ctx} {
					_, err := sub.Receive(ctx)
					require.ErrorIs(t, err, bus.ErrTimeout)
					require.ErrorIs(t, sub.View(ctx, nil), bus.ErrTimeout)
					_, err = sub.ViewBatch(ctx, 3, nil)
					require.ErrorIs(t, err, bus.ErrTimeout)
					for _, err = range sub.Values(ctx) {
						require.ErrorIs(t, err, bus.ErrTimeout, "it is the last that a loop gets")
					}
					for _, err = range sub.Messages(ctx) {
						require.ErrorIs(t, err, bus.ErrTimeout)
					}
				}
				_, err := sub.TryReceive()
				require.ErrorIs(t, err, bus.ErrEmpty)
				publishTicks(t, newPub[tick](t, b, nil), 0, 1)
				_, err = sub.Receive(background())
				require.NoError(t, err)
			})
		})
	}
}

// The bound of a call is the nearest: of its context, or of its subscription,
// before that of the bus.
func TestTimeoutOfTheSubscription(t *testing.T) {
	eachWith(t, impatient(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		patient := []*bus.SubscribeOptions{{Name: "waiter", Wait: bus.WaitPark, Timeout: -1}, {Name: "waiter", Wait: bus.WaitPark, Timeout: time.Hour}}
		for _, o := range patient {
			sub := newSub[tick](t, b, o)
			for i := range 3 {
				done := async(func() error { _, err := sub.Receive(background()); return err })
				waiting(t, b, "waiter")
				publishTicks(t, pub, i, i+1)
				require.NoError(t, result(t, done))
			}
			ctx, cancel := context.WithTimeout(background(), time.Millisecond)
			err := sub.View(ctx, nil)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, bus.ErrTimeout, "its context has ended it: %v", err)
			require.NoError(t, sub.Close())
		}
	})
}

func TestReceiveTimeoutIsItsOwnBound(t *testing.T) {
	eachWith(t, impatient(), func(t *testing.T, b *bus.Bus) {
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: bus.WaitPark})
		done := async(func() error { _, err := sub.ReceiveTimeout(time.Hour); return err })
		waiting(t, b, "waiter")
		for range 3 {
			other := newSub[tick](t, b, nil)
			_, err := other.Receive(background())
			require.ErrorIs(t, err, bus.ErrTimeout)
			require.NoError(t, other.Close())
		}
		publishTicks(t, newPub[tick](t, b, nil), 0, 1)
		require.NoError(t, result(t, done))
	})
}

// What a subscription passes over does not keep its calls.
func TestTimeoutUnderAFloodOfOthers(t *testing.T) {
	geo := small()
	geo.Normal.Policy = bus.Lossy
	o := impatient()
	o.Geometry = geo
	eachWith(t, o, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Types: []bus.TypeID{typeID[crumb](t, b)}, Priorities: []bus.Priority{bus.Normal}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(background())
		flood := async(func() error {
			for ctx.Err() == nil {
				if err := pub.TryPublish(&tick{}); err != nil {
					return err
				}
			}
			return nil
		})
		for range 3 {
			err := bus.ErrLag
			for errors.Is(err, bus.ErrLag) {
				_, err = sub.Receive(background())
			}
			assert.ErrorIs(t, err, bus.ErrTimeout)
		}
		cancel()
		require.NoError(t, result(t, flood))
	})
}

func TestTimeoutIsChecked(t *testing.T) {
	_, err := bus.OpenLocal(&bus.Options{Timeout: -1})
	require.ErrorIs(t, err, bus.ErrOptions)
}

package bus_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// given runs a publish that waits for room, and ends its context once it waits.
func given(t *testing.T, p interface{ Stats() bus.PublisherStats }, publish func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(background())
	defer cancel(nil)
	full := p.Stats().Full
	done := async(func() error { return publish(ctx) })
	require.Eventually(t, func() bool { return p.Stats().Full > full }, patience, often)
	cancel(errEnough)
	return result(t, done)
}

var errEnough = errors.New("enough")

// Whoever gives up waiting for room learns who holds the lane back.
func TestFullErrorNamesTheHolder(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Process: "billd"}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		slow := newSub[tick](t, b, &bus.SubscribeOptions{Name: "slow"})
		publishTicks(t, pub, 0, 10)
		newSub[tick](t, b, &bus.SubscribeOptions{Name: "less slow"})
		fill(t, pub, 10)
		err := given(t, pub, func(ctx context.Context) error { return pub.Publish(ctx, &tick{}) })
		var full *bus.FullError
		require.ErrorAs(t, err, &full)
		require.ErrorIs(t, err, bus.ErrFull)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errEnough)
		assert.Equal(t, bus.FullError{
			Lane: "normal/0", Subscriber: "slow", PID: os.Getpid(), Process: "billd", Behind: capacity, Err: full.Err,
		}, *full)
		assert.ErrorContains(t, err, `"slow" of process`)
		assert.ErrorContains(t, err, "enough")

		_, err = pub.PublishBatch(background(), nil)
		require.NoError(t, err)
		err = given(t, pub, func(ctx context.Context) error { _, err := pub.PublishBatch(ctx, make([]tick, 3)); return err })
		require.ErrorAs(t, err, &full)
		assert.Equal(t, "slow", full.Subscriber)
		loan, err := pub.Loan()
		require.NoError(t, err)
		err = given(t, pub, loan.Publish)
		require.ErrorAs(t, err, &full)
		loan.Discard()

		require.NoError(t, slow.Close())
		err = pub.TryPublish(&tick{})
		require.NoError(t, err)
	})
}

func TestFullErrorNamesADurableThatIsAway(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		leave(t, b, bus.SubscribeOptions{Name: "ledger", HoldPolicy: bus.HoldBlock, HoldEvents: 5})
		fill(t, pub, 0)
		err := given(t, pub, func(ctx context.Context) error { return pub.Publish(ctx, &tick{}) })
		var full *bus.FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, bus.FullError{Lane: "normal/0", Subscriber: "ledger", Durable: "billing", Behind: 5, Err: full.Err}, *full)
		assert.ErrorContains(t, err, `durable subscription "billing", which no process has, is 5 events behind`)
		assert.ErrorContains(t, err, "RemoveDurable")
	})
}

func TestFullErrorNamesAGroup(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		o := &bus.SubscribeOptions{Group: "billing", HoldPolicy: bus.HoldBlock, HoldEvents: 5}
		require.NoError(t, newSub[tick](t, b, o).Close())
		require.Equal(t, 5, fill(t, pub, 0))
		err := given(t, pub, func(ctx context.Context) error { return pub.Publish(ctx, &tick{}) })
		var full *bus.FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, "billing", full.Group)
		assert.Empty(t, full.Durable)
		assert.Zero(t, full.PID)
		assert.ErrorContains(t, err, "RemoveGroup")
		requireTicks(t, newSub[tick](t, b, o), 0, 5)
	})
}

// A static ring says so, too.
func TestFullErrorOfAStaticRing(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		s, err := bus.OpenStatic[tick](b, "ticks", &bus.StaticOptions{Capacity: capacity})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		pub, err := s.Publisher()
		require.NoError(t, err)
		_, err = s.Subscribe(&bus.SubscribeOptions{Name: "slow"})
		require.NoError(t, err)
		for range capacity {
			require.NoError(t, pub.TryPublish(&tick{}))
		}
		err = given(t, pub, func(ctx context.Context) error { return pub.Publish(ctx, &tick{}) })
		var full *bus.FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, "slow", full.Subscriber)
		assert.Equal(t, uint64(capacity), full.Behind)
	})
}

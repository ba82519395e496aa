package bus_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestPublishBatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, exclusive := range []bool{false, true} {
			pub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: exclusive})
			sub := newSub[tick](t, b, nil)
			// Below, at and above a port's batch, and a whole lane.
			for _, n := range []int{0, 1, 7, 8, 9, capacity} {
				vs := make([]tick, n)
				for i := range vs {
					vs[i].Seq = uint64(i)
				}
				got, err := pub.PublishBatch(background(), vs)
				require.NoError(t, err)
				require.Equal(t, n, got)
				requireTicks(t, sub, 0, n)
			}
			require.NoError(t, sub.Close())
			require.NoError(t, pub.Close())
		}
	})
}

func TestPublishBatchLargerThanTheLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		const n = 10*capacity + 3
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		vs := make([]tick, n)
		for i := range vs {
			vs[i].Seq = uint64(i)
		}
		done := async(func() error {
			got, err := pub.PublishBatch(background(), vs)
			assert.Equal(t, n, got)
			return err
		})
		for i := range n {
			m, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, result(t, done))
	})
}

func TestPublishItems(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		var items []bus.Item[tick]
		for i := range 20 {
			items = append(items, bus.Item[tick]{
				Value: tick{Seq: uint64(i)},
				With:  bus.With{Key: uint64(100 + i), Tail: fmt.Append(nil, "tail ", i), Time: int64(1 + i)},
			})
		}
		n, err := pub.PublishItems(background(), items)
		require.NoError(t, err)
		require.Equal(t, 20, n)
		for i := range items {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			assert.Equal(t, uint64(i), m.Value.Seq)
			assert.Equal(t, uint64(100+i), m.Key)
			assert.Equal(t, int64(1+i), m.Time)
			assert.Equal(t, fmt.Sprint("tail ", i), string(m.Tail))
		}
		n, err = pub.PublishItems(background(), nil)
		assert.NoError(t, err)
		assert.Zero(t, n)
	})
}

func TestReceiveBatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 5}) // batches span windows
		const n = 23
		for i := range n {
			w := bus.With{Tail: fmt.Append(nil, i)}
			require.NoError(t, pub.TryPublishWith(&tick{Seq: uint64(i)}, w))
		}
		dst, seen := make([]bus.Message[tick], 10), 0
		for _, want := range []int{10, 10, 3} {
			got, err := sub.ReceiveBatch(background(), dst)
			require.NoError(t, err)
			require.Equal(t, want, got)
			for i := range got {
				assert.Equal(t, uint64(seen), dst[i].Value.Seq)
				assert.Equal(t, fmt.Sprint(seen), string(dst[i].Tail))
				seen++
			}
		}
		got, err := sub.ReceiveBatch(background(), nil)
		assert.NoError(t, err)
		assert.Zero(t, got)
	})
}

func TestViewBatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 40)
		next := uint64(0)
		see := func(v *tick, e *bus.Event) error {
			assert.Equal(t, next, v.Seq)
			assert.Equal(t, next, e.Header().Position)
			next++
			return nil
		}
		n, err := sub.ViewBatch(background(), 30, see)
		require.NoError(t, err)
		assert.Equal(t, 30, n)
		n, err = sub.ViewBatch(background(), 30, see)
		require.NoError(t, err)
		assert.Equal(t, 10, n, "it does not wait for more than the first")
		_, err = sub.TryViewBatch(30, see)
		assert.ErrorIs(t, err, bus.ErrEmpty)

		publishTicks(t, pub, 40, 50)
		stop := fmt.Errorf("stop")
		calls := 0
		n, err = sub.TryViewBatch(30, func(*tick, *bus.Event) error {
			if calls++; calls == 4 {
				return stop
			}
			return nil
		})
		assert.ErrorIs(t, err, stop)
		assert.Equal(t, 4, n, "the call that failed counts: its event is finished")
		requireTicks(t, sub, 44, 50)
		assert.Panics(t, func() { _, _ = sub.TryViewBatch(0, see) })
	})
}

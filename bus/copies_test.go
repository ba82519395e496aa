package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestTryView(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		require.ErrorIs(t, sub.TryView(nil), bus.ErrEmpty)
		require.ErrorIs(t, sub.Raw().TryView(nil), bus.ErrEmpty)
		publishTicks(t, pub, 3, 5)
		reason := errors.New("not today")
		require.ErrorIs(t, sub.TryView(func(v *tick, e *bus.Event) error {
			assert.Equal(t, uint64(3), v.Seq)
			assert.Equal(t, pub.Type(), e.Type())
			return reason
		}), reason)
		require.NoError(t, sub.Raw().TryView(func(e *bus.Event) error {
			v, ok := bus.As[tick](e)
			assert.True(t, ok)
			assert.Equal(t, uint64(4), v.Seq)
			return nil
		}))
		require.ErrorIs(t, sub.TryView(nil), bus.ErrEmpty)
		require.NoError(t, sub.Close())
		require.ErrorIs(t, sub.TryView(nil), bus.ErrClosed)
	})
}

func TestReceiveBatchWithoutAType(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(nil)
		require.NoError(t, err)
		batch := make([]bus.RawMessage, 3)
		_, err = sub.TryReceiveBatch(batch)
		require.ErrorIs(t, err, bus.ErrEmpty)
		n, err := sub.ReceiveBatch(background(), nil)
		require.NoError(t, err)
		require.Zero(t, n)

		f.publish(t, bus.Low, bus.Normal, bus.High, bus.Critical)
		n, err = sub.ReceiveBatch(background(), batch)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		for i, p := range []bus.Priority{bus.Critical, bus.High, bus.Normal} {
			assert.Equal(t, p, batch[i].Priority, "priorities hold within a batch")
		}
		memory := &batch[0].Value[0]
		n, err = sub.TryReceiveBatch(batch)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		assert.Equal(t, bus.Low, batch[0].Priority)
		assert.Same(t, memory, &batch[0].Value[0])
	})
}

func TestTryReceiveBatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		batch := make([]bus.Message[tick], 3)
		_, err := sub.TryReceiveBatch(batch)
		require.ErrorIs(t, err, bus.ErrEmpty)
		publishTicks(t, pub, 0, 5)
		want := uint64(0)
		for _, count := range []int{3, 2} {
			n, err := sub.TryReceiveBatch(batch)
			require.NoError(t, err)
			require.Equal(t, count, n)
			for _, m := range batch[:n] {
				require.Equal(t, want, m.Value.Seq)
				want++
			}
		}
	})
}

func TestCopyOfAnEvent(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		var m, into bus.RawMessage
		for i := range 2 {
			require.NoError(t, pub.TryPublishWith(&tick{Seq: 7}, bus.With{Key: 5, Tail: []byte("tail")}))
			require.NoError(t, sub.TryView(func(_ *tick, e *bus.Event) error {
				e.CopyTo(&m)
				assert.Equal(t, e.Header(), m.Header)
				assert.Equal(t, e.Value(), m.Value)
				assert.Equal(t, "tail", string(m.Tail))
				assert.NotSame(t, &e.Value()[0], &m.Value[0])
				return nil
			}))
			require.ErrorIs(t, sub.Raw().TryReceiveInto(&into), bus.ErrEmpty)
			publishTicks(t, pub, i, i+1)
			require.NoError(t, sub.Raw().TryReceiveInto(&into))
			assert.Equal(t, byte(i), into.Value[0])
		}
	})
}

func TestAge(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		for at, atLeast := range map[int64]time.Duration{
			bus.Now() - int64(time.Hour): time.Hour,
			bus.Now() + int64(time.Hour): 0, // of another time namespace, say
			-1 << 63:                     0,
		} {
			require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Time: at}))
			m, err := sub.TryReceive()
			require.NoError(t, err)
			assert.GreaterOrEqual(t, m.Age(), atLeast)
			if atLeast == 0 {
				assert.Zero(t, m.Age())
			}
		}
		assert.Zero(t, bus.Header{}.Age(), "on a lane without times")
	})
}

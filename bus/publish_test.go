package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestPublishCarriesValueKeyTailAndTime(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := background()
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		v := tick{Seq: 7, Data: [16]byte{15: 1}}
		require.NoError(t, v.Name.Set("seven"))
		before := bus.Now()
		require.NoError(t, pub.PublishWith(ctx, &v, bus.With{Key: 9, Tail: []byte("tail")}))
		require.NoError(t, pub.TryPublishWith(&v, bus.With{Time: 42}))
		require.NoError(t, pub.Publish(ctx, &v))
		require.NoError(t, pub.TryPublish(&v))

		m, err := sub.Receive(ctx)
		require.NoError(t, err)
		assert.Equal(t, v, m.Value)
		assert.Equal(t, "seven", m.Value.Name.String())
		assert.Equal(t, "tail", string(m.Tail))
		assert.Equal(t, bus.Header{
			Type: pub.Type(), Priority: bus.Normal, Position: m.Position, Source: b.ID(), Key: 9, Time: m.Time,
		}, m.Header)
		assert.LessOrEqual(t, before, m.Time)
		assert.LessOrEqual(t, m.Time, bus.Now())

		second, err := sub.Receive(ctx)
		require.NoError(t, err)
		assert.Equal(t, int64(42), second.Time)
		assert.Equal(t, m.Position+1, second.Position)
		assert.Zero(t, second.Key)
		assert.Empty(t, second.Tail)
		for range 2 {
			m, err := sub.Receive(ctx)
			require.NoError(t, err)
			assert.Equal(t, v, m.Value)
		}
		requireEmpty(t, sub)
		assert.Equal(t, bus.PublisherStats{Published: 4}, pub.Stats())
	})
}

func TestPublishWithoutTimeLeavesItZero(t *testing.T) {
	geo := small()
	geo.Normal.NoTime = true
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		require.NoError(t, pub.TryPublish(&tick{}))
		require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Time: 5}))
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Zero(t, m.Time)
		m, err = sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, int64(5), m.Time, "a time of the caller's own is kept")
	})
}

func TestPublishOfMoreThanFits(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		room := pub.MaxTail()
		require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Tail: make([]byte, room)}))
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Len(t, m.Tail, room)

		tooMuch := bus.With{Tail: make([]byte, room+1)}
		var size *bus.SizeError
		require.ErrorAs(t, pub.TryPublishWith(&tick{}, tooMuch), &size)
		assert.Equal(t, bus.SizeError{Lane: "normal/0", Need: 129, Slot: 128}, *size)
		assert.ErrorIs(t, size, bus.ErrTooLarge)
		assert.EqualError(t, size, "bus: event of 129 bytes (header, value and tail) does not fit lane normal/0 with slots of 128; "+
			"shorten its tail, or create the region with Geometry.Normal.SlotSize 192 or more")
		require.ErrorIs(t, pub.PublishWith(background(), &tick{}, tooMuch), bus.ErrTooLarge)
		n, err := pub.PublishItems(background(), []bus.Item[tick]{{}, {With: tooMuch}})
		require.ErrorIs(t, err, bus.ErrTooLarge)
		assert.Zero(t, n)
		requireEmpty(t, sub)

		_, err = bus.NewPublisher[struct{ Big [200]byte }](b, nil)
		require.ErrorAs(t, err, &size, "a type that never fits is refused at once")
		assert.Equal(t, 232, size.Need)
	})
}

func TestTryPublishOnAFullLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		require.Equal(t, capacity, fill(t, pub, 0))
		for range 3 {
			require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrFull)
		}
		assert.Equal(t, bus.PublisherStats{Published: capacity, Full: 4}, pub.Stats())
		requireTicks(t, sub, 0, capacity)
		publishTicks(t, pub, 0, capacity)
	})
}

func TestPublishWaitsForRoom(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := background()
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		n := fill(t, pub, 0)
		const more = 5000
		done := async(func() error {
			for i := n; i < more; i++ {
				if err := pub.Publish(ctx, &tick{Seq: uint64(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range more {
			m, err := sub.Receive(ctx)
			require.NoError(t, err)
			require.Equal(t, uint64(i), m.Value.Seq)
		}
		require.NoError(t, result(t, done))
	})
}

func TestPublishCanceledWhileTheLaneIsFull(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		n := fill(t, pub, 0)
		reason := errors.New("no more patience")
		ctx, cancel := context.WithCancelCause(background())
		full := pub.Stats().Full
		done := async(func() error { return pub.Publish(ctx, &tick{Seq: 1 << 40}) })
		batch := async(func() error {
			n, err := pub.PublishBatch(ctx, make([]tick, 3))
			assert.Zero(t, n)
			return err
		})
		require.Eventually(t, func() bool { return pub.Stats().Full >= full+2 }, patience, often)
		cancel(reason)
		assert.ErrorIs(t, result(t, done), reason)
		assert.ErrorIs(t, result(t, batch), reason)
		requireTicks(t, sub, 0, n) // and nothing of what was given up
		require.ErrorIs(t, pub.Publish(ctx, &tick{}), reason, "also while there is room: a loop ends with its context")
		require.ErrorIs(t, pub.Publish(ctx, &tick{}), context.Canceled)
		requireEmpty(t, sub)
	})
}

func TestPublishByManyGoroutinesKeepsTheOrderOfEach(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := background()
		const writers, events = 8, 500
		shared := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, nil)
		var group sync.WaitGroup
		for w := range writers {
			pub := shared
			if w < 2 {
				pub = newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
			}
			group.Go(func() {
				for i := range events {
					assert.NoError(t, pub.PublishWith(ctx, &tick{Seq: uint64(i)}, bus.With{Key: uint64(w)}))
				}
			})
		}
		next, position := make([]uint64, writers), uint64(0)
		for range writers * events {
			m, err := sub.Receive(ctx)
			require.NoError(t, err)
			require.Equal(t, next[m.Key], m.Value.Seq)
			require.Equal(t, position, m.Position)
			next[m.Key]++
			position++
		}
		group.Wait()
		requireEmpty(t, sub)
	})
}

func TestPublishReachesEverySubscriber(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		var subs []*bus.Subscriber[tick]
		for range 3 {
			subs = append(subs, newSub[tick](t, b, nil))
		}
		publishTicks(t, pub, 0, 10)
		late := newSub[tick](t, b, nil)
		publishTicks(t, pub, 10, 20)
		for _, s := range subs {
			requireTicks(t, s, 0, 20)
		}
		requireTicks(t, late, 10, 20)
	})
}

func TestPublishAfterClose(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, exclusive := range []bool{false, true} {
			pub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: exclusive})
			require.NoError(t, pub.Close())
			require.NoError(t, pub.Close())
			assert.ErrorIs(t, pub.Publish(background(), &tick{}), bus.ErrClosed)
			assert.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrClosed)
			_, err := pub.Loan()
			assert.ErrorIs(t, err, bus.ErrClosed)
			_, err = pub.PublishBatch(background(), make([]tick, 2))
			assert.ErrorIs(t, err, bus.ErrClosed)
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, 1, h.Ports, "the exclusive port is back, the shared one stays")
	})
}

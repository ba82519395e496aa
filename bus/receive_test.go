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

func TestReceiveIntoReusesTheTail(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		m := bus.Message[tick]{Tail: make([]byte, 0, 32)}
		memory := &m.Tail[:1][0]
		for _, tail := range []string{"a longer tail", "short", ""} {
			require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Tail: []byte(tail)}))
			require.NoError(t, sub.ReceiveInto(background(), &m))
			assert.Equal(t, tail, string(m.Tail))
			assert.Same(t, memory, &m.Tail[:1][0])
		}
		require.NoError(t, pub.TryPublish(&tick{Seq: 3}))
		require.NoError(t, sub.TryReceiveInto(&m))
		assert.Equal(t, uint64(3), m.Value.Seq)
		assert.ErrorIs(t, sub.TryReceiveInto(&m), bus.ErrEmpty)
	})
}

// A copy stays what it was, however far the lane has gone on.
func TestReceivedCopyStays(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		require.NoError(t, pub.TryPublishWith(&tick{Seq: 1}, bus.With{Tail: []byte("first")}))
		m, err := sub.TryReceive()
		require.NoError(t, err)
		require.NoError(t, sub.Close())
		for range 5 * capacity {
			require.NoError(t, pub.TryPublishWith(&tick{Seq: 9}, bus.With{Tail: []byte("other")}))
		}
		assert.Equal(t, uint64(1), m.Value.Seq)
		assert.Equal(t, "first", string(m.Tail))
	})
}

func TestReceiveWaits(t *testing.T) {
	for name, wait := range map[string]bus.Wait{"Auto": bus.WaitAuto, "Park": bus.WaitPark, "Spin": bus.WaitSpin} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				pub := newPub[tick](t, b, nil)
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: wait})
				for i := range 20 {
					done := async(func() error {
						m, err := sub.Receive(background())
						assert.Equal(t, uint64(i), m.Value.Seq)
						return err
					})
					if wait != bus.WaitSpin && i == 0 {
						waiting(t, b, "waiter")
					}
					publishTicks(t, pub, i, i+1)
					require.NoError(t, result(t, done))
				}
			})
		})
	}
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	for name, wait := range map[string]bus.Wait{"Park": bus.WaitPark, "Spin": bus.WaitSpin} {
		t.Run(name, func(t *testing.T) {
			// A sleep that only the context can end.
			eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: wait})
				reason := errors.New("that is all")
				for range 3 {
					ctx, cancel := context.WithCancelCause(background())
					done := async(func() error { return sub.View(ctx, nil) })
					if wait == bus.WaitPark {
						waiting(t, b, "waiter")
					}
					cancel(reason)
					require.ErrorIs(t, result(t, done), reason)
				}
				ctx, cancel := context.WithTimeout(background(), 2*time.Millisecond)
				defer cancel()
				_, err := sub.Receive(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)

				pub := newPub[tick](t, b, nil)
				publishTicks(t, pub, 0, 1)
				requireTicks(t, sub, 0, 1)
			})
		})
	}
}

func TestReceiveTimeout(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		for _, d := range []time.Duration{-1, 0, 1, 2 * time.Millisecond} {
			_, err := sub.ReceiveTimeout(d)
			require.ErrorIs(t, err, bus.ErrTimeout)
		}
		publishTicks(t, pub, 0, 2)
		for _, d := range []time.Duration{0, time.Hour} {
			_, err := sub.ReceiveTimeout(d)
			require.NoError(t, err, "what is there needs no time")
		}
	})
}

func TestViewIsInPlace(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		require.NoError(t, pub.TryPublishWith(&tick{Seq: 4}, bus.With{Tail: []byte("tail"), Key: 6}))
		reason := errors.New("not today")
		err := sub.View(background(), func(v *tick, e *bus.Event) error {
			assert.Equal(t, uint64(4), v.Seq)
			assert.Len(t, e.Value(), 56)
			assert.Equal(t, "tail", string(e.Tail()))
			assert.Equal(t, uint64(6), e.Header().Key)
			assert.Equal(t, pub.Type(), e.Type())
			// While it is pinned its slot is nobody else's, whoever publishes.
			for range 3 * capacity {
				_ = pub.TryPublish(&tick{Seq: 99})
			}
			assert.Equal(t, uint64(4), v.Seq)
			return reason
		})
		assert.ErrorIs(t, err, reason)
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(99), m.Value.Seq, "the event is finished in any case")
	})
}

func TestReceiveFromTwoGoroutinesPanics(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 2)
		require.NoError(t, sub.View(background(), func(*tick, *bus.Event) error {
			assert.Panics(t, func() { _, _ = sub.TryReceive() }, "a receive within a receive")
			done := make(chan any)
			go func() {
				defer func() { done <- recover() }()
				_ = sub.View(background(), nil)
			}()
			assert.Contains(t, result(t, done), "two goroutines receive")
			return nil
		}))
		requireTicks(t, sub, 1, 2)
	})
}

func TestPanicInACallbackFinishesItsEvent(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 3)
		assert.PanicsWithValue(t, "mine", func() {
			_ = sub.View(background(), func(*tick, *bus.Event) error { panic("mine") })
		})
		requireTicks(t, sub, 1, 3)
	})
}

// Whoever has received everything holds nobody back, and shows no depth.
func TestReceiveUntilEmptyGivesTheWindowBack(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		for range 5 {
			publishTicks(t, pub, 0, capacity) // every place of the lane is free
			requireTicks(t, sub, 0, capacity)
			assert.Zero(t, sub.Stats().Depth)
		}
		assert.Equal(t, uint64(5*capacity), sub.Stats().Received)
	})
}

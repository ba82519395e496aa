package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// held is a function that says when it is entered, and returns when it is told
// to, or when its context ends if it heeds that.
type held struct {
	entered chan uint64
	goOn    chan struct{}
	heeds   bool
}

func newHeld(heeds bool) *held {
	return &held{make(chan uint64, 64), make(chan struct{}), heeds}
}

func (h *held) handle(ctx context.Context, v *tick, _ *bus.Event) error {
	h.entered <- v.Seq
	done := ctx.Done()
	if !h.heeds {
		done = nil
	}
	select {
	case <-h.goOn:
		return nil
	case <-done:
		return ctx.Err()
	}
}

// Stop begins nothing more, and waits for what runs. A durable subscription gets
// the rest again, and nothing that had been handled.
func TestHandlerStop(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.HandlerOptions{MaxConcurrent: 2, SubscribeOptions: bus.SubscribeOptions{Durable: "work", Window: 8}}
		fn := newHeld(false)
		h := handle(t, b, o, fn.handle)
		pub := newPub[tick](t, b, nil)
		publishTicks(t, pub, 0, 6)
		assert.ElementsMatch(t, []uint64{0, 1}, []uint64{result(t, fn.entered), result(t, fn.entered)})
		ended, cancel := context.WithCancel(background())
		cancel()
		require.ErrorIs(t, h.Stop(ended), context.Canceled) // begins nothing more from here on
		stopped := async(func() error { return h.Stop(background()) })
		fn.goOn <- struct{}{}
		fn.goOn <- struct{}{}
		require.NoError(t, result(t, stopped))
		require.NoError(t, h.Stop(background()))
		<-h.Done()
		assert.Empty(t, fn.entered)
		assert.Equal(t, uint64(2), h.Stats().Handled)

		o.MaxConcurrent = 1
		next := handle(t, b, o, fn.handle)
		for i := range uint64(4) {
			require.Equal(t, i+2, result(t, fn.entered))
			fn.goOn <- struct{}{}
		}
		handled(t, next, 4)
	})
}

// When the context of Stop ends first, that of the functions does, and what they
// hold stays theirs until they return.
func TestHandlerStopWithTimeLimit(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		fn := newHeld(true)
		h := handle(t, b, nil, fn.handle)
		publishTicks(t, newPub[tick](t, b, nil), 0, 1)
		result(t, fn.entered)
		ctx, cancel := context.WithCancel(background())
		cancel()
		require.ErrorIs(t, h.Stop(ctx), context.Canceled)
		require.NoError(t, h.Stop(background()))
		assert.Equal(t, uint64(1), h.Stats().Failed, "its context ended")

		stubborn := newHeld(false)
		h = handle(t, b, nil, stubborn.handle)
		publishTicks(t, newPub[tick](t, b, nil), 0, 1)
		result(t, stubborn.entered)
		require.ErrorIs(t, h.Stop(ctx), context.Canceled)
		held, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, 1, held.Subscribers, "the event is still being read")
		close(stubborn.goOn)
		require.NoError(t, h.Close())
		held, err = b.Held()
		require.NoError(t, err)
		assert.Zero(t, held.Subscribers+held.Cursors+held.Pins)
	})
}

// An event that a function lets be since the handler has ended its context is not
// finished: a durable subscription gets it again. What fails before that is.
func TestHandlerLetsBe(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.HandlerOptions{MaxConcurrent: 1, SubscribeOptions: bus.SubscribeOptions{Durable: "work"}}
		fn := newHeld(true)
		h := handle(t, b, o, func(ctx context.Context, v *tick, e *bus.Event) error {
			if v.Seq == 0 {
				return errors.New("no")
			}
			return fn.handle(ctx, v, e)
		})
		publishTicks(t, newPub[tick](t, b, nil), 0, 2)
		require.Equal(t, uint64(1), result(t, fn.entered))
		require.NoError(t, h.Close())
		assert.Equal(t, uint64(2), h.Stats().Failed)
		requireTicks(t, newSub[tick](t, b, &bus.SubscribeOptions{Durable: "work"}), 1, 2)
	})
}

// A function stops its own handler, without waiting for itself.
func TestHandlerStopsItself(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		handler := make(chan *bus.Handler, 1)
		ended, cancel := context.WithCancel(background())
		cancel()
		h := handle(t, b, nil, func(context.Context, *tick, *bus.Event) error {
			if err := (<-handler).Stop(ended); !errors.Is(err, context.Canceled) {
				return errors.New("Stop has waited")
			}
			return nil
		})
		handler <- h
		publishTicks(t, newPub[tick](t, b, nil), 0, 1)
		<-h.Done()
		assert.Equal(t, uint64(1), h.Stats().Handled)
	})
}

// The end of the bus ends its handlers, also from within a function, and does not
// wait for them; their context ends, and the memory of their events stays.
func TestHandlerAndBusClose(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		idle := handle(t, b, nil, func(context.Context, *tick, *bus.Event) error { return nil })
		inside, results := make(chan struct{}), make(chan error, 2)
		all := make(chan struct{}, 2)
		busy, err := bus.Handle(b, &bus.HandlerOptions{MaxConcurrent: 2}, func(ctx context.Context, v *tick, e *bus.Event) error {
			all <- struct{}{}
			if v.Seq == 0 {
				<-inside
				if err := b.Close(); err != nil {
					results <- err
					return err
				}
			}
			<-ctx.Done()
			if v.Name.String() != "kept" {
				results <- errors.New("the event has gone")
				return nil
			}
			results <- nil
			return nil
		})
		require.NoError(t, err)
		pub := newPub[tick](t, b, nil)
		for i := range uint64(3) {
			v := tick{Seq: i}
			require.NoError(t, v.Name.Set("kept"))
			require.NoError(t, pub.TryPublish(&v))
		}
		result(t, all)
		result(t, all)
		close(inside)
		require.NoError(t, result(t, results))
		require.NoError(t, result(t, results))
		<-busy.Done()
		<-idle.Done()
		require.NoError(t, busy.Close())
		_, err = b.Handle(nil, func(context.Context, *bus.Event) error { return nil })
		require.ErrorIs(t, err, bus.ErrClosed)
	})
}

// Close at any time of a handler at work loses nothing of a durable one, and
// hangs nowhere.
func TestHandlerCloseAnytime(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		const events = 1000
		seen := make([]chan struct{}, events)
		for i := range seen {
			seen[i] = make(chan struct{}, 100)
		}
		o := &bus.HandlerOptions{MaxConcurrent: 3, SubscribeOptions: bus.SubscribeOptions{Durable: "work", Window: 6}}
		first := handle(t, b, o, func(context.Context, *tick, *bus.Event) error { return nil })
		require.NoError(t, first.Close())
		done := async(func() error {
			for i := range events {
				if err := pub.PublishWith(background(), &tick{Seq: uint64(i)}, bus.With{Key: uint64(i % 5)}); err != nil {
					return err
				}
			}
			return nil
		})
		for last := 0; last < events; {
			h := handle(t, b, o, func(_ context.Context, v *tick, _ *bus.Event) error {
				seen[v.Seq] <- struct{}{}
				return nil
			})
			for n := 0; last < events && n < 40; n, last = n+1, last+1 {
				<-seen[last] // again, or by the handler before
			}
			require.NoError(t, h.Close())
		}
		require.NoError(t, result(t, done))
	})
}

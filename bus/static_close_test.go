package bus_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestStaticCloseEndsAWait(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, r *bus.Static[tick], s *bus.StaticSubscriber[tick]) error{
		"Subscriber": func(_ *bus.Bus, _ *bus.Static[tick], s *bus.StaticSubscriber[tick]) error { return s.Close() },
		"Static":     func(_ *bus.Bus, r *bus.Static[tick], _ *bus.StaticSubscriber[tick]) error { return r.Close() },
		"Bus":        func(b *bus.Bus, _ *bus.Static[tick], _ *bus.StaticSubscriber[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitSpin} {
				eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
					r := ticks(t, b, smallStatic())
					s := staticSub(t, r, &bus.SubscribeOptions{Name: "sleeper", Wait: wait})
					done := async(func() error { return s.View(background(), nothing) })
					if wait == bus.WaitPark {
						sleeping(t, r, "sleeper")
					}
					require.NoError(t, closer(b, r, s))
					require.ErrorIs(t, result(t, done), bus.ErrClosed)
					_, err := s.TryReceive()
					require.ErrorIs(t, err, bus.ErrClosed)
					require.NoError(t, s.Close())
				})
			}
		})
	}
}

func TestStaticCloseEndsAWaitForRoom(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, r *bus.Static[tick], p *bus.StaticPublisher[tick]) error{
		"Publisher": func(_ *bus.Bus, _ *bus.Static[tick], p *bus.StaticPublisher[tick]) error { return p.Close() },
		"Static":    func(_ *bus.Bus, r *bus.Static[tick], _ *bus.StaticPublisher[tick]) error { return r.Close() },
		"Bus":       func(b *bus.Bus, _ *bus.Static[tick], _ *bus.StaticPublisher[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			other := ticks(t, open(t, dir, bus.Options{Geometry: small()}), smallStatic())
			staticSub(t, other, nil) // stays when the others go
			b := open(t, dir, bus.Options{})
			r := ticks(t, b, nil)
			pub := staticPub(t, r)
			fillStatic(t, pub, 0)
			full := pub.Stats().Full
			done := async(func() error { return pub.Publish(background(), &tick{}) })
			require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
			require.NoError(t, closer(b, r, pub))
			require.ErrorIs(t, result(t, done), bus.ErrClosed)
			require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrClosed)
			_, err := pub.PublishBatch(background(), make([]tick, 3))
			require.ErrorIs(t, err, bus.ErrClosed)
			_, err = pub.Loan()
			require.ErrorIs(t, err, bus.ErrClosed)
			assert.Equal(t, uint64(capacity), pub.Stats().Published, "its counters stay")
			h, err := other.Bus().Held()
			require.NoError(t, err)
			assert.Zero(t, h.Ports)
		})
	}
}

// Whatever is closed: what a callback reads and what is on loan stays.
func TestStaticCloseTakesNothingAway(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, r *bus.Static[tick]) error{
		"Static": func(_ *bus.Bus, r *bus.Static[tick]) error { return r.Close() },
		"Bus":    func(b *bus.Bus, _ *bus.Static[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				r := ticks(t, b, smallStatic())
				pub, s := staticPub(t, r), staticSub(t, r, nil)
				putTicks(t, pub, 3, 5)
				l, err := pub.Loan()
				require.NoError(t, err)
				require.NoError(t, s.View(background(), func(v *tick) error {
					require.NoError(t, closer(b, r))
					require.NoError(t, closer(b, r), "twice")
					runtime.GC()
					assert.Equal(t, uint64(3), v.Seq)
					return nil
				}))
				l.Value().Seq = 9
				require.ErrorIs(t, l.Publish(background()), bus.ErrClosed)
				l.Discard()
				assert.Equal(t, uint64(1), s.Stats().Received, "its counters stay")
				_, err = r.Publisher()
				require.ErrorIs(t, err, bus.ErrClosed)
				_, err = r.Subscribe(nil)
				require.ErrorIs(t, err, bus.ErrClosed)
			})
		})
	}
}

// A handle closes its own ends and no others; the ring goes with the last one.
func TestStaticHandles(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		one, two := ticks(t, b, smallStatic()), ticks(t, b, nil)
		pub, sub := staticPub(t, one), staticSub(t, two, billing)
		putTicks(t, pub, 0, 3)
		require.NoError(t, one.Close())
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrClosed)
		requireStatic(t, sub, 0, 3)
		require.NoError(t, two.Close())
		_, err := sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrClosed)

		again := ticks(t, b, nil) // the ring is still there, and so is the subscription
		pub = staticPub(t, again)
		putTicks(t, pub, 3, 5)
		requireStatic(t, staticSub(t, again, billing), 3, 5)
		require.NoError(t, b.Close())
		_, err = bus.OpenStatic[tick](b, "ticks", nil)
		require.ErrorIs(t, err, bus.ErrClosed)
	})
}

// Everything at once, and then Close, again and again.
func TestStaticCloseMeetsEverything(t *testing.T) {
	dir := t.TempDir()
	keeper := ticks(t, open(t, dir, bus.Options{Geometry: small()}), smallStatic())
	for round := range 20 {
		b := open(t, dir, bus.Options{})
		r := ticks(t, b, nil)
		p1, p2 := staticPub(t, r), staticPub(t, r)
		s1, s2 := staticSub(t, r, nil), staticSub(t, r, billing)
		var group sync.WaitGroup
		loop := func(f func() error) {
			group.Go(func() {
				for {
					err := f()
					if errors.Is(err, bus.ErrClosed) {
						return
					}
					if err != nil && !errors.Is(err, bus.ErrEmpty) && !errors.Is(err, bus.ErrFull) && !errors.Is(err, bus.ErrNoSlot) {
						assert.NoError(t, err)
						return
					}
				}
			})
		}
		loop(func() error { return p1.Publish(background(), &tick{}) })
		loop(func() error {
			l, err := p2.Loan()
			if err != nil {
				return err
			}
			defer l.Discard()
			if err := l.TryPublish(); err != nil {
				return err
			}
			_, err = p2.PublishBatch(background(), make([]tick, 20))
			return err
		})
		loop(func() error { return s1.View(background(), nothing) })
		loop(func() error { _, err := s2.TryReceive(); return err })
		loop(func() error { _, err := r.Snapshot(); s1.Stats(); p1.Stats(); return err })
		loop(func() error {
			r, err := bus.OpenStatic[tick](b, "ticks", nil)
			if err != nil {
				return err
			}
			if s, err := r.Subscribe(&bus.SubscribeOptions{Window: 1}); err == nil {
				s.Stats()
			}
			return r.Close()
		})
		require.Eventually(t, func() bool { return s1.Stats().Received > uint64(round) }, patience, often)
		if round%2 == 0 {
			require.NoError(t, r.Close())
		}
		require.NoError(t, b.Close())
		group.Wait()
		require.Eventually(t, func() bool {
			h, err := keeper.Bus().Held()
			// The durable subscription stays, with its pins.
			return err == nil && h == bus.Held{Participants: 1, Subscribers: 1, Pins: 16, Cursors: 1}
		}, patience, often)
		require.NoError(t, keeper.Bus().CheckLanes())
	}
}

func TestStaticLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine() + 1 // the one that asks below
	each(t, func(t *testing.T, b *bus.Bus) {
		r := ticks(t, b, smallStatic())
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		done := async(func() error {
			for {
				if err := sub.View(t.Context(), nothing); err != nil {
					return err
				}
			}
		})
		for i := range 200 {
			require.NoError(t, pub.Publish(t.Context(), &tick{Seq: uint64(i)}))
		}
		require.NoError(t, b.Close())
		require.ErrorIs(t, result(t, done), bus.ErrClosed)
	})
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, patience, often)
}

// A caller's mistake costs him no slot.
func TestStaticPublishOfNil(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub := staticPub(t, r)
		for range 100 { // more than a batch
			require.Panics(t, func() { _ = pub.TryPublish(nil) })
			require.Panics(t, func() { _ = pub.Publish(background(), nil) })
		}
		putTicks(t, pub, 0, 100)
	})
}

func TestStaticLoans(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		for i := range 3 * capacity {
			l, err := pub.Loan()
			require.NoError(t, err)
			require.Zero(t, *l.Value(), "a slot that is used again is zeroed")
			l.Value().Seq, l.Value().Data[15] = uint64(i), 9
			_, err = sub.TryReceive()
			require.ErrorIs(t, err, bus.ErrEmpty, "nobody sees it before it is published")
			copied := l
			require.NoError(t, l.Publish(background()))
			require.ErrorIs(t, l.TryPublish(), bus.ErrSpent)
			require.ErrorIs(t, copied.TryPublish(), bus.ErrSpent)
			require.Panics(t, func() { l.Value() })
			copied.Discard()
			v, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, uint64(i), v.Seq)
		}
		var out []bus.StaticLoan[tick]
		for {
			l, err := pub.Loan()
			if errors.Is(err, bus.ErrNoSlot) {
				require.ErrorContains(t, err, "Batch in the StaticOptions")
				break
			}
			require.NoError(t, err)
			out = append(out, l)
		}
		assert.Len(t, out, 8)
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrNoSlot)
		out[0].Discard()
		requireStatic(t, sub, 0, 0) // which gives back what it has read
		require.Equal(t, capacity, fillStatic(t, pub, 0))
		require.ErrorIs(t, out[1].TryPublish(), bus.ErrFull)
		done := async(func() error { return out[1].Publish(background()) })
		n, err := sub.TryViewBatch(capacity, nothing)
		require.NoError(t, err)
		require.Equal(t, capacity, n)
		_, err = sub.ReceiveTimeout(time.Minute)
		require.NoError(t, err)
		require.NoError(t, result(t, done))
		require.NoError(t, pub.Close()) // loans may outlive it
		for i := range out[2:] {
			require.ErrorIs(t, out[2+i].TryPublish(), bus.ErrClosed)
			out[2+i].Discard()
		}
		h, err := r.Bus().Held()
		require.NoError(t, err)
		assert.Zero(t, h.Ports, "the port goes back with the last loan")
	})
}

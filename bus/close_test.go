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

// sleepy are options of a bus on which nothing but a wake ends a sleep.
func sleepy() bus.Options { return bus.Options{Geometry: small(), Heal: time.Hour} }

func TestCloseEndsAWait(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, s *bus.Subscriber[tick]) error{
		"Subscriber": func(_ *bus.Bus, s *bus.Subscriber[tick]) error { return s.Close() },
		"Remove":     func(_ *bus.Bus, s *bus.Subscriber[tick]) error { return s.Remove() },
		"Bus":        func(b *bus.Bus, _ *bus.Subscriber[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			for name, wait := range map[string]bus.Wait{"Park": bus.WaitPark, "Spin": bus.WaitSpin} {
				t.Run(name, func(t *testing.T) {
					eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
						s := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: wait})
						done := async(func() error { return s.View(background(), nil) })
						if wait == bus.WaitPark {
							waiting(t, b, "waiter")
						}
						require.NoError(t, closer(b, s))
						require.ErrorIs(t, result(t, done), bus.ErrClosed)
						require.NoError(t, s.Close())
						_, err := s.TryReceive()
						require.ErrorIs(t, err, bus.ErrClosed)
					})
				})
			}
		})
	}
}

func TestCloseEndsAWaitForRoom(t *testing.T) {
	dir := t.TempDir()
	other := open(t, dir, bus.Options{Geometry: small()})
	newSub[tick](t, other, nil) // stays when the bus goes
	b := open(t, dir, bus.Options{Geometry: small()})
	pub := newPub[tick](t, b, nil)
	fill(t, pub, 0)
	before := pub.Stats().Full
	l := newLoan(t, pub)
	done := []<-chan error{
		async(func() error { return pub.Publish(background(), &tick{}) }),
		async(func() error { _, err := pub.PublishBatch(background(), make([]tick, 3)); return err }),
		async(func() error { return l.Publish(background()) }),
	}
	require.Eventually(t, func() bool { return pub.Stats().Full >= before+3 }, patience, often)
	require.NoError(t, b.Close())
	for _, d := range done {
		assert.ErrorIs(t, result(t, d), bus.ErrClosed)
	}
	l.Discard()
}

func TestCloseOfAPublisherEndsItsWaitForRoom(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		b := open(t, t.TempDir(), bus.Options{Geometry: small()})
		sub := newSub[tick](t, b, nil)
		pub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: exclusive})
		other := newPub[tick](t, b, nil)
		fill(t, pub, 0)
		before := pub.Stats().Full
		done := async(func() error { return pub.Publish(background(), &tick{}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > before }, patience, often)
		require.NoError(t, pub.Close())
		assert.ErrorIs(t, result(t, done), bus.ErrClosed)
		require.ErrorIs(t, other.TryPublish(&tick{}), bus.ErrFull)
		_, err := sub.TryViewBatch(64, func(*tick, *bus.Event) error { return nil })
		require.NoError(t, err)
		require.NoError(t, other.Publish(background(), &tick{}), "the lane goes on")
	}
}

func TestCloseWithinACallback(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, s *bus.Subscriber[tick]) error{
		"Subscriber": func(_ *bus.Bus, s *bus.Subscriber[tick]) error { return s.Close() },
		"Bus":        func(b *bus.Bus, _ *bus.Subscriber[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				pub, s := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
				publishTicks(t, pub, 3, 5)
				require.NoError(t, s.View(background(), func(v *tick, e *bus.Event) error {
					require.NoError(t, closer(b, s))
					require.NoError(t, closer(b, s), "twice")
					runtime.GC()
					assert.Equal(t, uint64(3), v.Seq, "the event is still there")
					assert.Len(t, e.Value(), 56)
					return nil
				}))
				_, err := s.TryReceive()
				assert.ErrorIs(t, err, bus.ErrClosed)
				assert.Equal(t, uint64(1), s.Stats().Received, "its counters stay")
			})
		})
	}
}

// Close waits for nobody in a callback, and takes no memory from under it.
func TestCloseWhileACallbackRuns(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, s := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 3, 4)
		inside, closed := make(chan struct{}), make(chan struct{})
		done := async(func() error {
			return s.View(background(), func(v *tick, _ *bus.Event) error {
				close(inside)
				<-closed
				assert.Equal(t, uint64(3), v.Seq)
				return nil
			})
		})
		result(t, inside)
		require.NoError(t, b.Close())
		require.NoError(t, s.Close())
		close(closed)
		require.NoError(t, result(t, done))
	})
}

// An event may wake a sleeper at the moment that it is closed: either it is
// received, and Close does not wait for its callback, or it is not.
func TestCloseMeetsAnEvent(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		for range 300 {
			s := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: bus.WaitPark})
			closed := make(chan struct{})
			done := async(func() error {
				return s.View(background(), func(*tick, *bus.Event) error {
					result(t, closed)
					return nil
				})
			})
			waiting(t, b, "waiter")
			published := async(func() error { return pub.TryPublish(&tick{}) })
			require.NoError(t, s.Close())
			close(closed)
			require.NoError(t, result(t, published))
			if err := result(t, done); err != nil {
				require.ErrorIs(t, err, bus.ErrClosed)
			}
		}
	})
}

// Remove may come at any time too, also between two calls.
func TestRemoveMeetsReceives(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for range 200 {
			s := newSub[tick](t, b, billing)
			started := make(chan struct{})
			done := async(func() error {
				close(started)
				for {
					if _, err := s.TryReceive(); !errors.Is(err, bus.ErrEmpty) {
						return err
					}
				}
			})
			result(t, started)
			require.NoError(t, s.Remove())
			require.ErrorIs(t, result(t, done), bus.ErrClosed)
			// The receiving goroutine gives the place back.
		}
		h, err := b.Held()
		require.NoError(t, err)
		require.Equal(t, bus.Held{Participants: 1}, h)
	})
}

// Everything at once, and then Close, again and again: whoever is in a call gets
// its answer or ErrClosed, and nothing stays behind.
func TestCloseMeetsEverything(t *testing.T) {
	dir := t.TempDir()
	keeper := open(t, dir, bus.Options{Geometry: small()})
	for round := range 30 {
		b := open(t, dir, bus.Options{Geometry: small()})
		shared, own := newPub[tick](t, b, nil), newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
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
		s1 := newSub[tick](t, b, nil)
		s2 := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing"})
		loop(func() error { return shared.Publish(background(), &tick{}) })
		loop(func() error { return own.TryPublish(&tick{}) })
		loop(func() error { _, err := shared.PublishBatch(background(), make([]tick, 20)); return err })
		loop(func() error {
			l, err := shared.Loan()
			if err != nil {
				return err
			}
			defer l.Discard()
			l.Value().Seq = 7
			return l.TryPublish()
		})
		loop(func() error { return s1.View(background(), func(*tick, *bus.Event) error { return nil }) })
		loop(func() error { _, err := s2.TryReceive(); return err })
		loop(func() error { _, err := b.Snapshot(); s1.Stats(); s2.Stats(); return err })
		loop(func() error {
			s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 1})
			if err != nil {
				return err
			}
			return s.Close()
		})
		require.Eventually(t, func() bool { return s1.Stats().Received > uint64(round) }, patience, often)
		require.NoError(t, b.Close())
		group.Wait()
		require.Eventually(t, func() bool {
			h, err := keeper.Held()
			// The durable subscription stays, with its pins.
			return err == nil && h == bus.Held{Participants: 1, Subscribers: 1, Pins: 16, Cursors: 1}
		}, patience, often)
		require.NoError(t, keeper.CheckLanes())
	}
}

func TestCloseStopsExclusivePublishers(t *testing.T) {
	dir := t.TempDir()
	keeper := open(t, dir, bus.Options{Geometry: small()})
	b := open(t, dir, bus.Options{Geometry: small()})
	pub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
	require.NoError(t, b.Close())
	assert.ErrorIs(t, pub.Publish(background(), &tick{}), bus.ErrClosed)
	h, err := keeper.Held()
	require.NoError(t, err)
	assert.Equal(t, bus.Held{Participants: 1}, h)
	require.NoError(t, pub.Close())
}

func TestClosedBus(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		newPub[tick](t, b, nil)
		require.NoError(t, b.Close())
		require.NoError(t, b.Close())
		_, err := bus.NewPublisher[tick](b, nil)
		assert.ErrorIs(t, err, bus.ErrClosed)
		_, err = bus.Subscribe[tick](b, nil)
		assert.ErrorIs(t, err, bus.ErrClosed)
		_, err = bus.TypeFor[call](b)
		assert.ErrorIs(t, err, bus.ErrClosed)
		_, err = b.Snapshot()
		assert.ErrorIs(t, err, bus.ErrClosed)
	})
}

// Nothing runs on behind a closed bus.
func TestCloseLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine() + 1 // the one that asks below
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		var done []<-chan error
		for range 12 { // more than wait for themselves
			s := newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
			done = append(done, async(func() error {
				for {
					if _, err := s.Receive(t.Context()); err != nil {
						return err
					}
				}
			}))
		}
		for i := range 200 {
			require.NoError(t, pub.Publish(t.Context(), &tick{Seq: uint64(i)}))
		}
		require.NoError(t, b.Close())
		for _, d := range done {
			require.ErrorIs(t, result(t, d), bus.ErrClosed)
		}
	})
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, patience, often)
}

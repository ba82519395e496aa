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

// done is a context with which Drain begins and does not wait.
func done() context.Context {
	ctx, cancel := context.WithCancel(background())
	cancel()
	return ctx
}

func TestState(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		assert.Equal(t, bus.StateOpen, b.State())
		require.NoError(t, b.Drain(background()))
		assert.Equal(t, bus.StateDraining, b.State())
		require.NoError(t, b.Drain(done()), "there is nothing to wait for")
		require.NoError(t, b.Close())
		assert.Equal(t, bus.StateClosed, b.State())
		err := b.Drain(background())
		require.ErrorIs(t, err, bus.ErrClosed)
		require.NotErrorIs(t, err, bus.ErrDraining)
	})
}

func TestDrainingBusRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, mine := newPub[tick](t, b, nil), newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
		loans := []bus.Loan[tick]{newLoan(t, pub), newLoan(t, mine)}
		other := newLoans(t, pub, 3, 0)
		require.NoError(t, b.Drain(background()))
		for i, p := range []*bus.Publisher[tick]{pub, mine} {
			assert.ErrorIs(t, p.Publish(background(), &tick{}), bus.ErrDraining)
			assert.ErrorIs(t, p.TryPublish(&tick{}), bus.ErrDraining)
			n, err := p.PublishBatch(background(), make([]tick, 3))
			assert.ErrorIs(t, err, bus.ErrDraining)
			assert.Zero(t, n)
			_, err = p.Loan()
			assert.ErrorIs(t, err, bus.ErrDraining)
			_, err = p.LoanBatch(make([]bus.Loan[tick], 2))
			assert.ErrorIs(t, err, bus.ErrDraining)
			err = loans[i].TryPublish()
			assert.ErrorIs(t, err, bus.ErrDraining)
			assert.ErrorIs(t, err, bus.ErrClosed, "who looks for the end of the bus need not know of draining")
			loans[i].Discard()
			assert.Zero(t, p.Stats().Published)
		}
		_, err := pub.PublishLoans(background(), other)
		assert.ErrorIs(t, err, bus.ErrDraining)
		pub.DiscardLoans(other)
		_, err = bus.NewPublisher[crumb](b, nil)
		assert.ErrorIs(t, err, bus.ErrDraining)
		_, err = bus.Subscribe[tick](b, nil)
		assert.ErrorIs(t, err, bus.ErrDraining)
	})
}

// What was accepted is received up to the last event, and no more.
func TestDrainDelivers(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 40)
		for i := range 10 {
			_, err := sub.TryReceive()
			require.NoError(t, err, i)
		}
		err := b.Drain(done())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "not done: subscription ")
		for i := uint64(10); i < 40; i++ {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
			require.ErrorIs(t, b.Drain(done()), context.Canceled, "its copy is at work")
		}
		_, err = sub.Receive(background())
		require.ErrorIs(t, err, bus.ErrDraining)
		require.NoError(t, b.Drain(done()))
		for range 2 {
			_, err = sub.TryReceive()
			require.ErrorIs(t, err, bus.ErrDraining)
			require.NoError(t, sub.Close())
		}
		assert.Equal(t, bus.SubscriberStats{Received: 40}, awake(sub.Stats()))
	})
}

// A subscription that nobody receives from is done if there is nothing for it.
func TestDrainOfIdleSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		named := func(name string) *bus.SubscribeOptions { return &bus.SubscribeOptions{Name: name, Window: 4} }
		pub := newPub[tick](t, b, nil)
		newSub[alarm](t, b, named("silent"))
		viewed, durable := newSub[tick](t, b, named("viewed")), newSub[tick](t, b, billing)
		idle, behind := newSub[tick](t, b, named("idle")), newSub[tick](t, b, named("behind"))
		publishTicks(t, pub, 0, 3)
		for _, s := range []*bus.Subscriber[tick]{viewed, durable} {
			n, err := s.TryViewBatch(3, func(*tick, *bus.Event) error { return nil })
			require.NoError(t, err)
			require.Equal(t, 3, n)
		}
		_, err := behind.TryReceive()
		require.NoError(t, err)
		err = b.Drain(done())
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "not done: subscription behind, subscription idle: ")
		for _, s := range []*bus.Subscriber[tick]{viewed, durable} {
			_, err := s.TryReceive()
			require.ErrorIs(t, err, bus.ErrDraining)
		}
		require.NoError(t, idle.Close(), "a subscription that is given up is not waited for")
		require.ErrorContains(t, b.Drain(done()), "not done: subscription behind: ")
		require.NoError(t, b.Close(), "Close ends it in any case")
		_, err = behind.TryReceive()
		require.NotErrorIs(t, err, bus.ErrDraining, "it has not had all")
	})
}

func TestDrainWakes(t *testing.T) {
	for name, wait := range map[string]bus.Wait{"Auto": bus.WaitAuto, "Park": bus.WaitPark, "Spin": bus.WaitSpin} {
		t.Run(name, func(t *testing.T) {
			eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
				var ends []<-chan error
				for i := range 6 { // more than wait for themselves
					s := newSub[tick](t, b, &bus.SubscribeOptions{Name: "waiter", Wait: wait, Window: 1})
					ends = append(ends, async(func() error {
						if i%2 == 0 {
							return s.View(background(), nil)
						}
						for _, err := range s.Values(background()) {
							return err
						}
						return nil
					}))
				}
				if wait != bus.WaitSpin {
					waiting(t, b, "waiter")
				}
				require.NoError(t, b.Drain(background()))
				for _, end := range ends {
					require.ErrorIs(t, result(t, end), bus.ErrDraining)
				}
			})
		})
	}
}

func TestDrainEndsAWaitForRoom(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		sub, pub := newSub[tick](t, b, nil), newPub[tick](t, b, nil)
		fill(t, pub, 0)
		before := pub.Stats().Full
		l := newLoan(t, pub)
		blocked := []<-chan error{
			async(func() error { return pub.Publish(background(), &tick{}) }),
			async(func() error { _, err := pub.PublishBatch(background(), make([]tick, 3)); return err }),
			async(func() error { return l.Publish(background()) }),
		}
		require.Eventually(t, func() bool { return pub.Stats().Full >= before+3 }, patience, often)
		require.ErrorIs(t, b.Drain(done()), context.Canceled)
		for _, c := range blocked {
			assert.ErrorIs(t, result(t, c), bus.ErrDraining)
		}
		l.Discard()
		n := 0
		for _, err := range sub.Messages(background()) {
			if err != nil {
				require.ErrorIs(t, err, bus.ErrDraining)
				break
			}
			n++
		}
		assert.Equal(t, capacity, n, "what was refused was not accepted")
		assert.Equal(t, uint64(n), pub.Stats().Published)
		require.NoError(t, b.Drain(background()))
	})
}

// Drain waits for work on the last event, in a callback or on a copy.
func TestDrainWaitsForTheLastEvent(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		viewing := newSub[tick](t, b, &bus.SubscribeOptions{Name: "viewing"})
		copying := newSub[tick](t, b, &bus.SubscribeOptions{Name: "copying"})
		publishTicks(t, pub, 0, 1)
		inside, leave := make(chan struct{}), make(chan struct{})
		view := async(func() error {
			return viewing.View(background(), func(*tick, *bus.Event) error {
				close(inside)
				<-leave
				return nil
			})
		})
		result(t, inside)
		_, err := copying.Receive(background())
		require.NoError(t, err)
		require.ErrorContains(t, b.Drain(done()), "not done: subscription copying, subscription viewing")
		drained := async(func() error { return b.Drain(background()) })
		_, err = copying.Receive(background())
		require.ErrorIs(t, err, bus.ErrDraining)
		require.ErrorContains(t, b.Drain(done()), "not done: subscription viewing")
		close(leave)
		require.NoError(t, result(t, view), "a callback that returns ends its part; it need not ask for more")
		require.NoError(t, result(t, drained))
	})
}

// A durable subscription that drains has nothing in hand: whoever comes after it
// gets each event that it did not get, and none twice.
func TestDrainOfADurableSubscription(t *testing.T) {
	dir := t.TempDir()
	o := bus.Options{Geometry: small()}
	keeper := open(t, dir, o)
	pub := newPub[tick](t, keeper, nil)
	next := uint64(0)
	for range 5 {
		b := open(t, dir, o)
		sub := newSub[tick](t, b, billing)
		if next == 0 {
			publishTicks(t, pub, 0, 10)
		}
		last := next + 9
		for m, err := range sub.Messages(background()) {
			if err != nil {
				require.ErrorIs(t, err, bus.ErrDraining)
				break
			}
			require.Equal(t, next, m.Value.Seq)
			if next++; m.Value.Seq == last {
				require.ErrorIs(t, b.Drain(done()), context.Canceled)
				// Others go on publishing; that is for the next one.
				publishTicks(t, pub, int(next), int(next)+10)
			}
		}
		require.Equal(t, last+1, next, "up to the drain, and no further")
		require.NoError(t, b.Drain(background()))
		require.NoError(t, b.Close())
	}
}

// A subscription that is done holds nobody back, though the bus is not closed.
func TestDrainedSubscriptionsHoldNobodyBack(t *testing.T) {
	dir := t.TempDir()
	keeper, b := open(t, dir, bus.Options{Geometry: small()}), open(t, dir, bus.Options{Geometry: small()})
	ticks, alarms := newPub[tick](t, keeper, nil), newPub[alarm](t, keeper, nil)
	sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "quick"})
	slow := newSub[alarm](t, b, &bus.SubscribeOptions{Name: "slow"})
	publishTicks(t, ticks, 0, 5)
	require.NoError(t, alarms.TryPublish(&alarm{}))
	require.ErrorContains(t, b.Drain(done()), "not done: subscription quick, subscription slow")
	for _, err := range sub.Values(background()) {
		if err != nil {
			require.ErrorIs(t, err, bus.ErrDraining)
		}
	}
	publishTicks(t, ticks, 5, 5*capacity)
	require.ErrorContains(t, b.Drain(done()), "not done: subscription slow")
	require.NoError(t, slow.Close())
	require.NoError(t, b.Drain(background()))
	assert.Equal(t, uint64(5), sub.Stats().Received)
}

func TestDrainFromACallback(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 3)
		var drained <-chan error
		seen := 0
		for _, err := range sub.Values(background()) {
			if err != nil {
				require.ErrorIs(t, err, bus.ErrDraining)
				break
			}
			if seen++; seen == 1 {
				require.ErrorIs(t, b.Drain(done()), context.Canceled, "it would wait for itself")
				drained = async(func() error { return b.Drain(background()) })
				require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrDraining)
			}
		}
		require.Equal(t, 3, seen)
		require.NoError(t, result(t, drained))
	})
}

func TestCloseWhileDraining(t *testing.T) {
	for name, within := range map[string]bool{"Callback": true, "Outside": false} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
				newSub[tick](t, b, nil)
				publishTicks(t, pub, 0, 3)
				require.NoError(t, sub.View(background(), func(v *tick, _ *bus.Event) error {
					drained := async(func() error { return b.Drain(background()) })
					require.Eventually(t, func() bool { return b.State() == bus.StateDraining }, patience, often)
					if within {
						require.NoError(t, b.Close())
					} else {
						require.NoError(t, result(t, async(b.Close)))
					}
					require.ErrorIs(t, result(t, drained), bus.ErrClosed)
					assert.Zero(t, v.Seq, "the event is still there")
					return nil
				}))
				_, err := sub.TryReceive()
				require.ErrorIs(t, err, bus.ErrClosed)
				require.NotErrorIs(t, err, bus.ErrDraining, "it has not had all")
			})
		})
	}
}

// Everything at once, and then Drain: whoever is in a call gets its answer, or
// ErrDraining, or, late, ErrClosed. Nothing stays behind.
func TestDrainMeetsEverything(t *testing.T) {
	dir := t.TempDir()
	keeper := open(t, dir, bus.Options{Geometry: small()})
	for round := range 20 {
		b := open(t, dir, bus.Options{Geometry: small()})
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
		shared, own := newPub[tick](t, b, nil), newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
		s1, s2 := newSub[tick](t, b, nil), newSub[tick](t, b, billing)
		loop(func() error { return shared.Publish(background(), &tick{}) })
		loop(func() error { return own.TryPublish(&tick{}) })
		loop(func() error { _, err := shared.PublishBatch(background(), make([]tick, 20)); return err })
		loop(func() error {
			loans := make([]bus.Loan[tick], 3)
			n, err := shared.LoanBatch(loans)
			if err != nil {
				return err
			}
			defer shared.DiscardLoans(loans)
			_, err = shared.TryPublishLoans(loans[:n])
			return err
		})
		loop(func() error { return s1.View(background(), func(*tick, *bus.Event) error { return nil }) })
		loop(func() error { _, err := s2.TryReceive(); return err })
		loop(func() error {
			s, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 1})
			if err != nil {
				return err
			}
			if err := s.TryView(func(*tick, *bus.Event) error { return nil }); err != nil && !errors.Is(err, bus.ErrEmpty) {
				return errors.Join(err, s.Close())
			}
			return s.Close()
		})
		loop(func() error {
			if b.State() == bus.StateOpen {
				return nil
			}
			return errors.Join(b.Drain(background()), bus.ErrClosed)
		})
		require.Eventually(t, func() bool { return s1.Stats().Received > uint64(round) }, patience, often)
		require.NoError(t, b.Drain(background()))
		group.Wait()
		total := shared.Stats().Published + own.Stats().Published
		assert.Equal(t, total, s1.Stats().Received)
		require.NoError(t, b.Close())
		h, err := keeper.Held()
		require.NoError(t, err)
		// The durable subscription stays, with its pins.
		require.Equal(t, bus.Held{Participants: 1, Subscribers: 1, Pins: 16, Cursors: 1}, h)
		require.NoError(t, keeper.CheckLanes())
	}
}

// A callback that has panicked is over, and so is its event: nothing is left to drain.
func TestDrainAfterAPanic(t *testing.T) {
	views := map[string]func(*bus.Subscriber[tick], func(*tick, *bus.Event) error){
		"one": func(s *bus.Subscriber[tick], fn func(*tick, *bus.Event) error) { _ = s.View(background(), fn) },
		"many": func(s *bus.Subscriber[tick], fn func(*tick, *bus.Event) error) {
			_, _ = s.ViewBatch(background(), 4, fn)
		},
		"raw": func(s *bus.Subscriber[tick], fn func(*tick, *bus.Event) error) {
			_ = s.Raw().View(background(), func(e *bus.Event) error { return fn(nil, e) })
		},
	}
	for name, view := range views {
		for _, o := range []bus.SubscribeOptions{{}, {Durable: "d"}} {
			t.Run(name+o.Durable, func(t *testing.T) {
				each(t, func(t *testing.T, b *bus.Bus) {
					s := newSub[tick](t, b, &o)
					publishTicks(t, newPub[tick](t, b, nil), 0, 1)
					require.Panics(t, func() { view(s, func(*tick, *bus.Event) error { panic("mine") }) })
					ctx, cancel := context.WithTimeout(background(), patience)
					defer cancel()
					require.NoError(t, b.Drain(ctx))
				})
			})
		}
	}
}

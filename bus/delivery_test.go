package bus_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// take takes what is there without waiting.
func take(t testing.TB, s *bus.Subscriber[tick]) bus.TypedDelivery[tick] {
	t.Helper()
	d, err := s.TryTake()
	require.NoError(t, err)
	return d
}

// borrowTicks takes ticks [from, to).
func borrowTicks(t testing.TB, s *bus.Subscriber[tick], from, to int) (ds []bus.TypedDelivery[tick]) {
	t.Helper()
	for i := from; i < to; i++ {
		d := take(t, s)
		require.Equal(t, uint64(i), d.Value().Seq)
		ds = append(ds, d)
	}
	return ds
}

func requireNothingToTake(t testing.TB, s *bus.Subscriber[tick]) {
	t.Helper()
	_, err := s.TryTake()
	require.ErrorIs(t, err, bus.ErrEmpty)
}

// The cursor moves over what is acked up to the first event that is not.
func TestAckOutOfOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 8})
		publishTicks(t, pub, 0, 20)
		cursor := func() int { return int(row(t, b, "taker", bus.Normal).Cursor) }
		ds := borrowTicks(t, sub, 0, 8)
		requireNothingToTake(t, sub) // its window is out
		for _, step := range []struct{ ack, cursor int }{{1, 0}, {2, 0}, {5, 0}, {0, 3}, {3, 4}, {7, 4}, {4, 6}} {
			ds[step.ack].Ack()
			require.Equalf(t, step.cursor, cursor(), "after the ack of %d", step.ack)
		}
		assert.Equal(t, uint64(6), ds[6].Value().Seq, "what is out is still there")
		ds = append(ds, borrowTicks(t, sub, 8, 14)...)
		requireNothingToTake(t, sub)
		ds[6].Ack()
		require.Equal(t, 8, cursor())
		for i := 13; i >= 8; i-- {
			ds[i].Ack()
		}
		require.Equal(t, 14, cursor())
		for _, d := range borrowTicks(t, sub, 14, 20) {
			d.Ack()
		}
		requireNothingToTake(t, sub)
		assert.Equal(t, uint64(20), sub.Stats().Received)
		assert.Zero(t, row(t, b, "taker", bus.Normal).Depth)
	})
}

// Events are taken in order by one goroutine and acked in any order by many. All
// are still what they were when they are acked, and the cursor ends behind the
// last.
func TestAckFromManyGoroutines(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 16})
		const events, workers = 5000, 4
		published := async(func() error {
			for i := range events {
				if err := pub.Publish(background(), &tick{Seq: uint64(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		type work struct {
			d   bus.TypedDelivery[tick]
			seq uint64
		}
		queue := make(chan work, 16)
		var done sync.WaitGroup
		for range workers {
			done.Go(func() {
				var mine []work
				end := func(i int) {
					v, ok := bus.As[tick](mine[i].d.Event())
					assert.True(t, ok)
					assert.Equal(t, mine[i].seq, v.Seq, "nobody has touched it")
					mine[i].d.Ack()
					mine = append(mine[:i], mine[i+1:]...)
				}
				for {
					select {
					case w, ok := <-queue:
						if !ok {
							return
						}
						if mine = append(mine, w); len(mine) < 4 {
							continue
						}
					default: // the others may wait for what we have
					}
					if len(mine) > 0 {
						end(rand.IntN(len(mine)))
					} else {
						runtime.Gosched()
					}
				}
			})
		}
		for i := range events {
			d, err := sub.Take(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), d.Value().Seq)
			queue <- work{d, uint64(i)}
		}
		require.NoError(t, result(t, published))
		require.Eventually(t, func() bool {
			return row(t, b, "taker", bus.Normal).Cursor == events
		}, patience, often)
		close(queue)
		done.Wait()
	})
}

// When all of the window is out, Take waits for an Ack, and is woken by it.
func TestTakeWaitsForAnAck(t *testing.T) {
	for name, wait := range map[string]bus.Wait{"Park": bus.WaitPark, "Auto": bus.WaitAuto, "Spin": bus.WaitSpin} {
		t.Run(name, func(t *testing.T) {
			eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
				pub := newPub[tick](t, b, nil)
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 2, Wait: wait})
				publishTicks(t, pub, 0, 30)
				ds := borrowTicks(t, sub, 0, 2)
				for i := 2; i < 30; i++ {
					taken := make(chan bus.TypedDelivery[tick], 1)
					done := async(func() error {
						d, err := sub.Take(background())
						taken <- d
						return err
					})
					if wait != bus.WaitSpin {
						waiting(t, b, "taker")
					}
					ds[0].Ack()
					require.NoError(t, result(t, done))
					ds = append(ds[1:], result(t, taken))
					require.Equal(t, uint64(i), ds[1].Value().Seq)
				}
				ctx, cancel := context.WithCancel(background())
				done := async(func() error { _, err := sub.Take(ctx); return err })
				cancel()
				require.ErrorIs(t, result(t, done), context.Canceled)
				done = async(func() error { _, err := sub.Take(background()); return err })
				require.NoError(t, sub.Close())
				require.ErrorIs(t, result(t, done), bus.ErrClosed)
				ds[0].Ack()
				ds[1].Ack()
			})
		})
	}
}

// A lane whose window is out does not keep the others from going on.
func TestTakeGoesOnWithOtherLanes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Window: 1})
		require.NoError(t, err)
		f.publish(t, bus.Critical, bus.Critical, bus.High, bus.Low)
		var ds []bus.Delivery
		for _, p := range []bus.Priority{bus.Critical, bus.High, bus.Low} {
			d, err := sub.TryTake()
			require.NoError(t, err)
			assert.Equal(t, p, d.Event().Header().Priority)
			ds = append(ds, d)
		}
		_, err = sub.TryTake()
		require.ErrorIs(t, err, bus.ErrEmpty)
		ds[0].Ack()
		d, err := sub.TryTake()
		require.NoError(t, err)
		assert.Equal(t, bus.Critical, d.Event().Header().Priority)
	})
}

// An Ack counts once, whichever copy it is of and however much later it comes.
func TestAckCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 1})
		publishTicks(t, pub, 0, 3)
		first := take(t, sub)
		same := first
		same.Ack()
		first.Ack()
		second := take(t, sub) // in the same place
		first.Ack()
		same.Ack()
		assert.Equal(t, uint64(1), second.Value().Seq)
		assert.Equal(t, uint64(1), row(t, b, "taker", bus.Normal).Cursor, "the second is still out")
		requireNothingToTake(t, sub)
		second.Ack()
		assert.Equal(t, uint64(2), row(t, b, "taker", bus.Normal).Cursor)
	})
}

func TestDeliveryMisuse(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 3)
		assert.Panics(t, func() { bus.Delivery{}.Ack() }, "was never taken")
		assert.Panics(t, func() { bus.Delivery{}.Event() })
		d := take(t, sub)
		d.Ack()
		assert.Panics(t, func() { d.Event() }, "is acked")
		assert.Panics(t, func() { d.Value() })
		take(t, sub)
		assert.Panics(t, func() { d.Event() }, "its place is used again")
		require.NoError(t, sub.View(background(), func(*tick, *bus.Event) error {
			assert.Panics(t, func() { _, _ = sub.TryTake() }, "somebody receives")
			return nil
		}), "mixes")
	})
}

// Close waits for no delivery. What is out stays mapped and whole, and the place
// of the subscription is given back with the last Ack.
func TestCloseWithDeliveriesOut(t *testing.T) {
	for name, closer := range map[string]func(b *bus.Bus, s *bus.Subscriber[tick]) error{
		"Subscriber": func(_ *bus.Bus, s *bus.Subscriber[tick]) error { return s.Close() },
		"Remove":     func(_ *bus.Bus, s *bus.Subscriber[tick]) error { return s.Remove() },
		"Bus":        func(b *bus.Bus, _ *bus.Subscriber[tick]) error { return b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			other := open(t, dir, bus.Options{Geometry: small()})
			b := open(t, dir, bus.Options{Geometry: small()})
			pub := newPub[tick](t, other, nil)
			before, err := other.Held()
			require.NoError(t, err)
			sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
			publishTicks(t, pub, 0, 10)
			ds := borrowTicks(t, sub, 0, 3)
			require.NoError(t, closer(b, sub))
			require.NoError(t, sub.Close(), "again")
			_, err = sub.TryTake()
			require.ErrorIs(t, err, bus.ErrClosed)
			require.Equal(t, capacity, fill(t, pub, 10), "what is out holds the lane")
			for _, i := range []int{2, 0, 1} {
				assert.Equal(t, uint64(i), ds[i].Value().Seq)
				h, err := other.Held()
				require.NoError(t, err)
				assert.Equal(t, before.Subscribers+1, h.Subscribers)
				ds[i].Ack()
				ds[i].Ack()
			}
			h, err := other.Held()
			require.NoError(t, err)
			if name == "Bus" {
				before.Participants--
			}
			assert.Equal(t, before, h, "all is given back")
			assert.Equal(t, uint64(3), sub.Stats().Received)
		})
	}
}

// Acks and Close may meet in any way: the place is given back once.
func TestCloseMeetsAcks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		before, err := b.Held()
		require.NoError(t, err)
		for range 200 {
			sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 4})
			publishTicks(t, pub, 0, 4)
			var all sync.WaitGroup
			for _, d := range borrowTicks(t, sub, 0, 4) {
				all.Go(d.Ack)
			}
			all.Go(func() { assert.NoError(t, sub.Close()) })
			all.Wait()
			after, err := b.Held()
			require.NoError(t, err)
			require.Equal(t, before, after)
		}
	})
}

// What is not acked comes again, and with it what was acked behind it.
func TestDurableRedeliversWhatIsNotAcked(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		o := &bus.SubscribeOptions{Durable: "billing", Window: 8}
		sub := newSub[tick](t, b, o)
		publishTicks(t, pub, 0, 10)
		ds := borrowTicks(t, sub, 0, 6)
		for _, i := range []int{0, 1, 3, 5} {
			ds[i].Ack()
		}
		assert.Equal(t, uint64(2), row(t, b, "billing", bus.Normal).Cursor, "a death would leave it here")
		require.NoError(t, sub.Close())
		_, err := bus.Subscribe[tick](b, o)
		require.ErrorIs(t, err, bus.ErrInUse, "two are still out")
		ds[4].Ack()
		ds[2].Ack() // counts after Close, too
		sub = newSub[tick](t, b, o)
		for _, d := range borrowTicks(t, sub, 6, 8) {
			d.Ack()
		}
		take(t, sub) // and never acked
		require.NoError(t, sub.Close())
	})
}

// Take and the other calls may be mixed: each event comes once, in order, and is
// finished as its own call says.
func TestTakeMixedWithOtherCalls(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing", Window: 8})
		cursor := func() int { return int(row(t, b, "billing", bus.Normal).Cursor) }
		next := func(seq int) func(v *tick, _ *bus.Event) error {
			return func(v *tick, _ *bus.Event) error {
				assert.Equal(t, uint64(seq), v.Seq)
				return nil
			}
		}
		receive := func(seq int) {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, uint64(seq), m.Value.Seq)
		}
		publishTicks(t, pub, 0, 14)
		receive(0)
		require.NoError(t, sub.View(background(), next(1)))
		out := take(t, sub) // 2
		require.Equal(t, 2, cursor(), "the call has finished what came before")
		require.NoError(t, sub.View(background(), next(3)))
		receive(4)
		later := take(t, sub) // 5
		require.Equal(t, uint64(5), later.Value().Seq)
		require.Equal(t, 2, cursor())
		later.Ack()
		out.Ack()
		require.Equal(t, 6, cursor(), "a callback, a copy and two acks")
		receive(6)
		require.Equal(t, 6, cursor(), "a copy is finished by the next call")
		seq := 7
		n, err := sub.TryViewBatch(3, func(v *tick, e *bus.Event) error {
			err := next(seq)(v, e)
			seq++
			return err
		})
		require.NoError(t, err)
		require.Equal(t, 3, n)
		last := take(t, sub) // 10
		require.Equal(t, 10, cursor())
		require.NoError(t, sub.View(background(), next(11)))
		last.Ack()
		require.NoError(t, sub.Close(), "finishes what a callback has returned from")
		require.Equal(t, 12, cursor())
		sub = newSub[tick](t, b, billing)
		receive(12)
	})
}

// Events of other types between those that are taken do not hold the cursor, nor
// use the window up.
func TestTakePassesOverOtherTypes(t *testing.T) {
	type other struct{ Seq uint64 }
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, noise := newPub[tick](t, b, nil), newPub[other](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 2})
		seq := 0
		for range 100 {
			for range 5 {
				require.NoError(t, noise.TryPublish(&other{}))
			}
			publishTicks(t, pub, seq, seq+1)
			borrowTicks(t, sub, seq, seq+1)[0].Ack()
			seq++
		}
		for range 40 {
			require.NoError(t, noise.TryPublish(&other{}))
		}
		requireNothingToTake(t, sub)
		assert.Zero(t, row(t, b, "taker", bus.Normal).Depth)
		assert.Equal(t, uint64(540), sub.Stats().Filtered)
	})
}

// On a lossy lane what is out stays whole while the lane goes round; what is
// overwritten behind it is counted, to the event, once all is acked.
func TestTakeOnALossyLane(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[crumb](t, b, nil)
		sub := newSub[crumb](t, b, &bus.SubscribeOptions{Window: 4})
		publishCrumbs(t, pub, 0, 2)
		first, err := sub.TryTake()
		require.NoError(t, err)
		second, err := sub.TryTake()
		require.NoError(t, err)
		publishCrumbs(t, pub, 2, 1000)
		_, err = sub.TryTake()
		require.ErrorIs(t, err, bus.ErrEmpty, "not before both are acked")
		first.Ack()
		_, err = sub.TryTake()
		require.ErrorIs(t, err, bus.ErrEmpty)
		assert.Equal(t, uint64(1), second.Value().Seq)
		second.Ack()
		_, err = sub.TryTake()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Low, lag.Missed, 2+lag.Missed, false)
		for seq := 2 + lag.Missed; seq < 1000; seq++ {
			d, err := sub.TryTake()
			require.NoError(t, err)
			require.Equal(t, seq, d.Value().Seq)
			d.Ack()
		}
		_, err = sub.TryTake()
		require.ErrorIs(t, err, bus.ErrEmpty)
	})
}

// What is out holds a reliable lane until it is evicted, and stays whole then.
func TestTakeIsEvicted(t *testing.T) {
	eachWith(t, evicting(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 4})
		publishTicks(t, pub, 0, 6)
		ds := borrowTicks(t, sub, 0, 4)
		ds[1].Ack()
		const events = 10 * capacity
		for i := 6; i < events; i++ {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		for _, i := range []int{3, 2, 0} {
			assert.Equal(t, uint64(i), ds[i].Value().Seq)
			ds[i].Ack()
		}
		_, err := sub.TryTake()
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Normal, lag.Missed, 4+lag.Missed, true)
		for _, d := range borrowTicks(t, sub, int(4+lag.Missed), int(4+lag.Missed)+4) {
			d.Ack()
		}
		assert.False(t, row(t, b, "taker", bus.Normal).Evicted, "it holds the lane again")
	})
}

func TestTakeAllocatesNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, nil)
		v := tick{Seq: 1}
		avg := testing.AllocsPerRun(1000, func() {
			if err := errors.Join(pub.TryPublish(&v), pub.TryPublish(&v)); err != nil {
				panic(err)
			}
			a, err := sub.Take(background())
			if err != nil || a.Value().Seq != 1 {
				panic(err)
			}
			c, err := sub.TryTake()
			if err != nil {
				panic(err)
			}
			c.Ack()
			a.Ack()
		})
		assert.Zero(t, avg)
	})
}

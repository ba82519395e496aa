package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestStaticPublishAndReceive(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		ctx := background()
		_, err := sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)

		want := tick{Seq: 7, Data: [16]byte{3: 1, 15: 2}}
		require.NoError(t, want.Name.Set("a name"))
		require.NoError(t, pub.Publish(ctx, &want))
		got, err := sub.Receive(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, got)

		n, err := pub.PublishBatch(ctx, []tick{{Seq: 1}, {Seq: 2}, {Seq: 3}, {Seq: 4}, {Seq: 5}, {Seq: 6}})
		require.NoError(t, err)
		assert.Equal(t, 6, n)
		require.NoError(t, sub.ReceiveInto(ctx, &got))
		assert.Equal(t, uint64(1), got.Seq)
		require.NoError(t, sub.TryReceiveInto(&got))
		assert.Equal(t, uint64(2), got.Seq)
		got, err = sub.ReceiveTimeout(time.Hour)
		require.NoError(t, err)
		assert.Equal(t, uint64(3), got.Seq)
		three := make([]tick, 3)
		n, err = sub.ReceiveBatch(ctx, three)
		require.NoError(t, err)
		require.Equal(t, 3, n, "all that is there at once")
		assert.Equal(t, []uint64{4, 5, 6}, []uint64{three[0].Seq, three[1].Seq, three[2].Seq})

		putTicks(t, pub, 8, 14)
		stop := errors.New("stop")
		require.ErrorIs(t, sub.View(ctx, func(v *tick) error {
			assert.Equal(t, uint64(8), v.Seq)
			return stop
		}), stop)
		var seen []uint64
		see := func(v *tick) error { seen = append(seen, v.Seq); return nil }
		n, err = sub.ViewBatch(ctx, 3, see)
		require.NoError(t, err)
		assert.Equal(t, 3, n)
		n, err = sub.TryViewBatch(100, see)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, []uint64{9, 10, 11, 12, 13}, seen)
		_, err = sub.TryViewBatch(100, see)
		assert.ErrorIs(t, err, bus.ErrEmpty)
		_, err = sub.TryReceiveBatch(three)
		assert.ErrorIs(t, err, bus.ErrEmpty)
		assert.ErrorIs(t, sub.TryView(nothing), bus.ErrEmpty)
		putTicks(t, pub, 14, 17)
		require.NoError(t, sub.TryView(see))
		n, err = sub.TryReceiveBatch(three)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, []uint64{9, 10, 11, 12, 13, 14}, seen)
		assert.Equal(t, uint64(16), three[1].Seq)
		requireStatic(t, sub, 0, 0)
		assert.Equal(t, bus.SubscriberStats{Received: 16}, awake(sub.Stats()))
		assert.Equal(t, bus.PublisherStats{Published: 16}, unwoken(pub.Stats()))
	})
}

// Several publishers and subscribers, of several attachments: all see one order,
// and each publisher's events in theirs.
func TestStaticEverySubscriberSeesOneOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		r := ticks(t, b, smallStatic())
		const pubs, subs, events = 3, 3, 3000
		var group sync.WaitGroup
		orders := make([][]uint64, subs)
		for i := range subs {
			s := staticSub(t, r, nil)
			group.Go(func() {
				for len(orders[i]) < pubs*events {
					_, err := s.ViewBatch(background(), 16, func(v *tick) error {
						orders[i] = append(orders[i], v.Seq)
						return nil
					})
					assert.NoError(t, err)
				}
			})
		}
		for i := range pubs {
			p := staticPub(t, r)
			group.Go(func() {
				batch := make([]tick, 0, 5)
				for n := 0; n < events; n += len(batch) {
					batch = batch[:0]
					for k := n; k < min(n+1+n%5, events); k++ {
						batch = append(batch, tick{Seq: uint64(i)<<32 | uint64(k)})
					}
					if len(batch) == 1 {
						assert.NoError(t, p.Publish(background(), &batch[0]))
						continue
					}
					done, err := p.PublishBatch(background(), batch)
					assert.NoError(t, err)
					assert.Equal(t, len(batch), done)
				}
			})
		}
		group.Wait()
		assert.Equal(t, orders[0], orders[1])
		assert.Equal(t, orders[0], orders[2])
		next := make([]uint64, pubs)
		for _, seq := range orders[0] {
			require.Equal(t, next[seq>>32], seq&0xffffffff)
			next[seq>>32]++
		}
	})
}

func TestStaticWakesASleeper(t *testing.T) {
	each := func(t *testing.T, f func(t *testing.T, b *bus.Bus)) { eachWith(t, sleepy(), f) }
	each(t, func(t *testing.T, b *bus.Bus) {
		r := ticks(t, b, smallStatic())
		pub := staticPub(t, r)
		for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitAuto, bus.WaitSpin} {
			sub := staticSub(t, r, &bus.SubscribeOptions{Name: "sleeper", Wait: wait})
			for i := range 20 {
				done := async(func() error {
					v, err := sub.Receive(background())
					if err == nil && v.Seq != uint64(i) {
						err = errors.New("another event")
					}
					return err
				})
				if wait != bus.WaitSpin {
					sleeping(t, r, "sleeper")
				}
				if i%2 == 0 {
					putTicks(t, pub, i, i+1)
				} else {
					n, err := pub.PublishBatch(background(), []tick{{Seq: uint64(i)}})
					require.NoError(t, err)
					require.Equal(t, 1, n)
				}
				require.NoError(t, result(t, done))
			}
			require.NoError(t, sub.Close())
		}
	})
}

func TestStaticContextAndTimeout(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		r := ticks(t, b, smallStatic())
		pub, sub := staticPub(t, r), staticSub(t, r, &bus.SubscribeOptions{Name: "sleeper", Wait: bus.WaitPark})
		_, err := sub.ReceiveTimeout(time.Millisecond)
		require.ErrorIs(t, err, bus.ErrTimeout)
		ctx, cancel := context.WithCancelCause(background())
		done := async(func() error { return sub.View(ctx, nothing) })
		sleeping(t, r, "sleeper")
		why := errors.New("why")
		cancel(why)
		err = result(t, done)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)

		fillStatic(t, pub, 0)
		require.ErrorIs(t, sub.View(ctx, nothing), context.Canceled, "also while there is something to receive")
		require.ErrorIs(t, pub.Publish(ctx, &tick{}), context.Canceled)
		_, err = pub.PublishBatch(ctx, make([]tick, 2))
		require.ErrorIs(t, err, context.Canceled)
		ctx, stop := context.WithCancel(background())
		full := pub.Stats().Full
		done = async(func() error { return pub.Publish(ctx, &tick{}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
		stop()
		require.ErrorIs(t, result(t, done), context.Canceled)
	})
}

func TestStaticDefaultTimeout(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Timeout: time.Millisecond}, func(t *testing.T, b *bus.Bus) {
		r := ticks(t, b, smallStatic())
		_, err := staticSub(t, r, nil).Receive(background())
		require.ErrorIs(t, err, bus.ErrTimeout)
		sub := staticSub(t, r, &bus.SubscribeOptions{Name: "sleeper", Timeout: -1, Wait: bus.WaitPark})
		done := async(func() error { return sub.View(background(), nothing) })
		sleeping(t, r, "sleeper")
		require.NoError(t, staticPub(t, r).TryPublish(&tick{}))
		require.NoError(t, result(t, done))
	})
}

func TestStaticStartsAtAPosition(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		putTicks(t, pub, 0, 20)
		for i := range uint64(7) {
			_, err := sub.TryReceive()
			require.NoError(t, err)
			require.Equal(t, i, sub.Position())
		}
		require.NoError(t, sub.TryView(func(v *tick) error {
			require.Equal(t, v.Seq, sub.Position())
			return nil
		}))
		from := sub.Position() + 1
		require.NoError(t, sub.Close())
		at := &bus.SubscribeOptions{Start: bus.StartPosition, Position: from}
		sub = staticSub(t, r, at)
		requireStatic(t, sub, 8, 20)
		require.Equal(t, uint64(19), sub.Position(), "also when the window has been given back")
		require.NoError(t, sub.Close())
		putTicks(t, pub, 20, 8+capacity+5)
		sub = staticSub(t, r, at)
		_, err := sub.TryReceive()
		requireStaticLag(t, err, 5, 13, false)
		requireStatic(t, sub, 13, 8+capacity+5)
		_, err = r.Subscribe(&bus.SubscribeOptions{Start: bus.StartPosition, Position: 1000})
		require.ErrorIs(t, err, bus.ErrOptions)
	})
}

func TestStaticLoops(t *testing.T) {
	o := smallStatic()
	o.Policy = bus.Lossy
	eachStatic(t, o, func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		putTicks(t, pub, 0, 10)
		want := uint64(0)
		for v, err := range sub.Values(background()) {
			require.NoError(t, err)
			require.Equal(t, want, v.Seq)
			if want++; want == 5 {
				break
			}
		}
		for v, err := range sub.Messages(background()) {
			require.NoError(t, err)
			require.Equal(t, want, v.Seq)
			if want++; want == 10 {
				break
			}
		}
		putTicks(t, pub, 10, 10+2*capacity)
		gaps := 0
		for v, err := range sub.Values(background()) {
			if lag, ok := errors.AsType[*bus.LagError](err); ok {
				gaps++
				want += lag.Missed
				continue
			}
			if err != nil {
				require.ErrorIs(t, err, bus.ErrClosed)
				break
			}
			require.Equal(t, want, v.Seq)
			if want++; want == 10+2*capacity {
				require.NoError(t, sub.Close())
			}
		}
		require.Equal(t, 1, gaps)
		require.Equal(t, want, uint64(10+2*capacity))
	})
}

func TestStaticReliableRingWaitsForRoom(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		require.Equal(t, capacity, fillStatic(t, pub, 0))
		require.ErrorContains(t, pub.TryPublish(&tick{}), "static/ticks")
		full := pub.Stats().Full
		done := async(func() error {
			_, err := pub.PublishBatch(background(), []tick{{Seq: capacity}, {Seq: capacity + 1}})
			return err
		})
		require.Eventually(t, func() bool { return pub.Stats().Full > full }, patience, often)
		for i := range capacity + 2 {
			v, err := sub.Receive(background())
			require.NoError(t, err)
			require.Equal(t, uint64(i), v.Seq)
		}
		require.NoError(t, result(t, done))
		assert.Equal(t, uint64(capacity+2), pub.Stats().Published)
	})
}

// requireStaticLag expects a LagError with exactly these numbers.
func requireStaticLag(t testing.TB, err error, missed, resumed uint64, evicted bool) {
	t.Helper()
	var lag *bus.LagError
	require.ErrorAs(t, err, &lag)
	require.ErrorIs(t, err, bus.ErrLag)
	require.ErrorContains(t, err, "static/ticks")
	require.Equal(t, bus.LagError{Static: "ticks", Missed: missed, Resumed: resumed, Evicted: evicted}, *lag)
}

func TestStaticLossyRingCountsEveryLoss(t *testing.T) {
	o := smallStatic()
	o.Policy = bus.Lossy
	eachStatic(t, o, func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, &bus.SubscribeOptions{Window: 4})
		at := 0 // positions and sequence numbers are the same
		for _, n := range []int{capacity, capacity + 1, 2*capacity + 17, 1000} {
			putTicks(t, pub, at, at+n)
			want, gaps := at, 0
			for want < at+n {
				v, err := sub.TryReceive()
				if lag, ok := errors.AsType[*bus.LagError](err); ok {
					requireStaticLag(t, err, lag.Missed, uint64(want)+lag.Missed, false)
					want += int(lag.Missed)
					gaps++
					continue
				}
				require.NoError(t, err)
				require.Equal(t, uint64(want), v.Seq)
				want++
			}
			at += n
			if n > capacity {
				require.Equal(t, 1, gaps, "every gap is reported once")
			} else {
				require.Zero(t, gaps)
			}
		}
		st := sub.Stats()
		assert.Equal(t, uint64(at), st.Received+st.Missed)

		// A gap in the middle of a batch comes behind the events before it.
		putTicks(t, pub, at, at+4)
		n, err := sub.ViewBatch(background(), 100, func(v *tick) error {
			if v.Seq == uint64(at) {
				putTicks(t, pub, at+4, at+4+2*capacity)
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 4, n)
		_, err = sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrLag)
		v, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, uint64(at+4+2*capacity-capacity+capacity/8), v.Seq)
	})
}

func TestStaticSubscriberThatStandsStillIsEvicted(t *testing.T) {
	eachStatic(t, evictingStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, still := staticPub(t, r), staticSub(t, r, nil)
		const events = 5 * capacity
		for i := range events {
			require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(i)}))
		}
		_, err := still.TryReceive()
		requireStaticLag(t, err, events-capacity, events-capacity, true)
		requireStatic(t, still, events-capacity, events)
		assert.Equal(t, bus.SubscriberStats{Received: capacity, Missed: events - capacity, Evictions: 1}, awake(still.Stats()))
		putTicks(t, pub, events, events+capacity)
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrFull, "who goes on is waited for again")
	})
}

// What a callback sees stays, also when it is evicted meanwhile.
func TestStaticEvictedInACallback(t *testing.T) {
	eachStatic(t, evictingStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub, sub := staticPub(t, r), staticSub(t, r, &bus.SubscribeOptions{Window: 4})
		putTicks(t, pub, 0, 4)
		next := uint64(0)
		n, err := sub.ViewBatch(background(), 4, func(v *tick) error {
			if next == 0 {
				for i := range 3 * capacity {
					require.NoError(t, pub.Publish(background(), &tick{Seq: uint64(4 + i)}))
				}
			}
			assert.Equal(t, next, v.Seq)
			next++
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 4, n)
		_, err = sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrLag)
	})
}

func TestStaticDurable(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		pub := staticPub(t, r)
		require.NoError(t, staticSub(t, r, billing).Close())
		putTicks(t, pub, 0, 20) // while it is away
		sub := staticSub(t, r, billing)
		_, err := r.Subscribe(billing)
		require.ErrorIs(t, err, bus.ErrInUse)
		n, err := sub.ViewBatch(background(), 5, nothing)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		_, err = sub.Receive(background())
		require.NoError(t, err)
		require.NoError(t, sub.Close()) // the copy has not been finished
		sub = staticSub(t, r, billing)
		requireStatic(t, sub, 5, 20)
		require.NoError(t, sub.Remove())
		require.ErrorIs(t, r.RemoveDurable("billing"), bus.ErrNotExist)
		staticSub(t, r, billing)
		require.ErrorIs(t, r.RemoveDurable("billing"), bus.ErrInUse)
		sub = staticSub(t, r, &bus.SubscribeOptions{Start: bus.StartOldest})
		requireStatic(t, sub, 0, 20)
	})
}

func TestStaticBudgets(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		wide := staticSub(t, r, &bus.SubscribeOptions{Window: 60})
		_, err := r.Subscribe(&bus.SubscribeOptions{Window: 5})
		require.ErrorIs(t, err, bus.ErrPinBudget)
		assert.ErrorContains(t, err, "Pins in the StaticOptions")
		require.NoError(t, wide.Close())
		staticSub(t, r, &bus.SubscribeOptions{Window: 64})
		one := staticPub(t, r)
		for range 3 {
			staticPub(t, r)
		}
		_, err = r.Publisher()
		require.ErrorIs(t, err, bus.ErrNoPort)
		assert.ErrorContains(t, err, "Ports in the StaticOptions")
		require.NoError(t, one.Close())
		staticPub(t, r)
	})
}

func TestStaticAllocs(t *testing.T) {
	eachStatic(t, smallStatic(), func(t *testing.T, r *bus.Static[tick]) {
		ctx := background()
		pub, sub := staticPub(t, r), staticSub(t, r, nil)
		var got tick
		some := make([]tick, 2)
		must := func(err error) {
			if err != nil {
				panic(err)
			}
		}
		assert.Zero(t, testing.AllocsPerRun(1000, func() {
			v := tick{Seq: 1}
			must(pub.Publish(ctx, &v))
			must(sub.ReceiveInto(ctx, &got))
			must(pub.TryPublish(&v))
			must(sub.View(ctx, nothing))
			_, err := pub.PublishBatch(ctx, []tick{v, v})
			must(err)
			_, err = sub.ViewBatch(ctx, 8, nothing)
			must(err)
			l, err := pub.Loan()
			must(err)
			must(l.TryPublish())
			_, err = sub.ReceiveBatch(ctx, some)
			must(err)
		}))
	})
}

package bus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/leak"
)

// A delivery is finished by its Ack.
func TestDrainWaitsForAcks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Name: "taker", Window: 4, Wait: bus.WaitPark})
		publishTicks(t, pub, 0, 6)
		ds := borrowTicks(t, sub, 0, 4)
		requireNothingToTake(t, sub) // its window is out
		require.ErrorContains(t, b.Drain(done()), "not done: subscription taker")
		requireNothingToTake(t, sub) // but there is something behind it
		taken := make(chan bus.TypedDelivery[tick])
		end := async(func() error {
			for {
				d, err := sub.Take(background())
				if err != nil {
					return err
				}
				taken <- d
			}
		})
		waiting(t, b, "taker")
		drained := async(func() error { return b.Drain(background()) })
		ds[1].Ack()
		ds[0].Ack()
		ds = append(ds, result(t, taken), result(t, taken))
		require.ErrorIs(t, result(t, end), bus.ErrDraining, "all is handed out")
		for i := len(ds) - 1; i > 1; i-- {
			require.ErrorContains(t, b.Drain(done()), "not done: subscription taker")
			assert.Equal(t, uint64(i), ds[i].Value().Seq)
			ds[i].Ack()
		}
		require.NoError(t, result(t, drained))
		assert.Equal(t, bus.SubscriberStats{Received: 6}, awake(sub.Stats()))
	})
}

// Nobody need come back for more when all is acked.
func TestDrainAfterAcks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, billing)
		publishTicks(t, pub, 0, 3)
		ds := borrowTicks(t, sub, 0, 3)
		drained := async(func() error { return b.Drain(background()) })
		for _, d := range ds {
			d.Ack()
		}
		require.NoError(t, result(t, drained))
		_, err := sub.TryTake()
		require.ErrorIs(t, err, bus.ErrDraining)
	})
}

// A handler works off what had been accepted, also what waits behind a key, and
// its context does not end before that.
func TestDrainOfHandlers(t *testing.T) {
	leak.Check(t)
	for name, o := range map[string]bus.HandlerOptions{
		"One": {MaxConcurrent: 1}, "Many": {MaxConcurrent: 8}, "Backlog": {MaxConcurrent: 2, Backlog: 100},
		"Durable": {MaxConcurrent: 3, SubscribeOptions: bus.SubscribeOptions{Durable: "billing"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bus.Bus) {
				begin, leave := make(chan struct{}, 2*capacity), make(chan struct{})
				var handled atomic.Uint64
				o.Window = 32
				h, err := bus.Handle(b, &o, func(ctx context.Context, _ *tick, _ *bus.Event) error {
					begin <- struct{}{}
					<-leave
					handled.Add(1)
					return ctx.Err()
				})
				require.NoError(t, err)
				pub := newPub[tick](t, b, nil)
				const events = 50
				for i := range uint64(events) {
					require.NoError(t, pub.TryPublishWith(&tick{Seq: i}, bus.With{Key: i % 3}))
				}
				result(t, begin)
				// With a backlog it may have taken all by now, and waits for its functions alone.
				require.ErrorContains(t, b.Drain(done()), "not done: ")
				drained := async(func() error { return b.Drain(background()) })
				close(leave)
				require.NoError(t, result(t, drained))
				assert.Equal(t, uint64(events), handled.Load())
				result(t, h.Done())
				st := h.Stats()
				assert.Equal(t, uint64(events), st.Handled)
				assert.Zero(t, st.Waiting+st.Running)
				require.NoError(t, b.Close())
			})
		})
	}
}

// Requests that had been accepted are served, and their callers get the replies,
// though neither side accepts anything new.
func TestDrainOfServersAndClients(t *testing.T) {
	leak.Check(t)
	each(t, func(t *testing.T, b *bus.Bus) {
		const calls = 8
		inside, leave := make(chan struct{}, calls), make(chan struct{})
		s := serve(t, b, &bus.ServeOptions{MaxConcurrent: 2}, func(ctx context.Context, req *ask, e *bus.Event) (answer, error) {
			inside <- struct{}{}
			<-leave
			return double(ctx, req, e)
		})
		c := newClient(t, b, &bus.ClientOptions{Timeout: -1})
		var replies []<-chan error
		for i := range uint64(calls) {
			replies = append(replies, async(func() error {
				rep, err := c.Call(background(), &ask{i})
				if err == nil && rep.N != 2*i {
					err = errors.New("another's reply")
				}
				return err
			}))
		}
		for range 2 {
			result(t, inside)
		}
		require.Eventually(t, func() bool { return c.Stats().Calls == calls }, patience, often)
		require.ErrorIs(t, b.Drain(done()), context.Canceled)
		_, err := c.Call(background(), &ask{1})
		require.ErrorIs(t, err, bus.ErrDraining)
		drained := async(func() error { return b.Drain(background()) })
		close(leave)
		for _, r := range replies {
			require.NoError(t, result(t, r))
		}
		require.NoError(t, result(t, drained))
		assert.Equal(t, uint64(calls), s.Stats().Answered)
		result(t, s.Done())
		_, err = c.Call(background(), &ask{1})
		require.ErrorIs(t, err, bus.ErrDraining)
		_, err = bus.NewClient[ask, answer](b, nil)
		require.ErrorIs(t, err, bus.ErrDraining)
		_, err = bus.Serve(b, nil, double)
		require.ErrorIs(t, err, bus.ErrDraining)
	})
}

// A static ring is drained with its bus.
func TestDrainOfStaticRings(t *testing.T) {
	eachStaticOf(t, func(t *testing.T, b *bus.Bus, r *bus.Static[tick]) {
		pub := staticPub(t, r)
		sub := staticSub(t, r, &bus.SubscribeOptions{Name: "waiter", Wait: bus.WaitPark})
		behind := staticSub(t, r, &bus.SubscribeOptions{Name: "behind"})
		l, err := pub.Loan()
		require.NoError(t, err)
		putTicks(t, pub, 0, 5)
		got := 0
		end := async(func() error {
			for _, err := range sub.Values(background()) {
				if err != nil {
					return err
				}
				got++
			}
			return nil
		})
		require.Eventually(t, func() bool { return sub.Stats().Received == 5 }, patience, often)
		require.ErrorContains(t, b.Drain(done()), "not done: subscription behind")
		require.ErrorIs(t, result(t, end), bus.ErrDraining)
		require.Equal(t, 5, got)
		require.ErrorIs(t, pub.TryPublish(&tick{}), bus.ErrDraining)
		_, err = pub.PublishBatch(background(), make([]tick, 2))
		require.ErrorIs(t, err, bus.ErrDraining)
		require.ErrorIs(t, l.TryPublish(), bus.ErrDraining)
		l.Discard()
		_, err = r.Publisher()
		require.ErrorIs(t, err, bus.ErrDraining)
		_, err = r.Subscribe(nil)
		require.ErrorIs(t, err, bus.ErrDraining)
		_, err = bus.OpenStatic[tick](b, "others", nil)
		require.ErrorIs(t, err, bus.ErrDraining)
		for range 5 {
			_, err := behind.TryReceive()
			require.NoError(t, err)
		}
		_, err = behind.TryReceive()
		require.ErrorIs(t, err, bus.ErrDraining)
		require.NoError(t, b.Drain(background()))
		assert.Equal(t, uint64(5), behind.Stats().Received)
	})
}

func TestDrainEndsAWaitForRoomOfAStaticRing(t *testing.T) {
	eachStaticOf(t, func(t *testing.T, b *bus.Bus, r *bus.Static[tick]) {
		pub := staticPub(t, r)
		sub := staticSub(t, r, nil)
		putTicks(t, pub, 0, capacity)
		blocked := async(func() error { return pub.Publish(background(), &tick{}) })
		require.Eventually(t, func() bool { return pub.Stats().Full > 0 }, patience, often)
		require.ErrorIs(t, b.Drain(done()), context.Canceled)
		require.ErrorIs(t, result(t, blocked), bus.ErrDraining)
		require.NoError(t, sub.Close())
		require.NoError(t, b.Drain(background()))
	})
}

// eachStaticOf is eachStatic, with the bus that the ring lies beside.
func eachStaticOf(t *testing.T, f func(t *testing.T, b *bus.Bus, r *bus.Static[tick])) {
	t.Helper()
	each(t, func(t *testing.T, b *bus.Bus) { f(t, b, ticks(t, b, smallStatic())) })
}

// A member whose bus drains works off what its lanes have, and leaves to the
// others what comes after.
func TestDrainOfAGroupMember(t *testing.T) {
	dir := t.TempDir()
	o := bus.Options{Geometry: sharded()}
	keeper, b := open(t, dir, o), open(t, dir, o)
	pub := newPub[tick](t, keeper, nil)
	all := newLedger()
	stays, goes := member(t, keeper, "stays"), member(t, b, "goes")
	const keys, each = 24, 20
	ends := []<-chan error{all.receives(stays), all.receives(goes)}
	settled(t, keeper, map[string]int{"stays": shards / 2, "goes": shards / 2})
	require.NoError(t, publishKeys(pub, keys, 0, each))
	require.NoError(t, b.Drain(background()))
	require.NoError(t, result(t, ends[1]))
	require.NoError(t, publishKeys(pub, keys, each, 2*each))
	require.Eventually(t, func() bool { total, _ := all.count(); return total == 2*keys*each }, patience, often)
	settled(t, keeper, map[string]int{"stays": shards})
	require.NoError(t, stays.Close())
	require.NoError(t, result(t, ends[0]))
	all.check(t, keys, 2*each)
	_, twice := all.count()
	require.Zero(t, twice, "nothing comes again where nobody died")
	require.NoError(t, keeper.RemoveGroup("work"))
}

// All members of a group drain: what one leaves, another picks up that is not done
// yet, so that the group has had every event.
func TestDrainOfAWholeGroup(t *testing.T) {
	eachWith(t, bus.Options{Geometry: sharded()}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		all := newLedger()
		const keys, each = 24, 15
		idle, slow, quick := member(t, b, "idle"), member(t, b, "slow"), member(t, b, "quick")
		for range 3 { // each lets go of what is too much, or takes it
			requireEmpty(t, idle)
			requireEmpty(t, slow)
			requireEmpty(t, quick)
		}
		have := leases(t, b)
		require.Equal(t, shards, have["idle"]+have["slow"]+have["quick"])
		require.Positive(t, have["idle"]*have["slow"]*have["quick"])
		require.NoError(t, publishKeys(pub, keys, 0, each))
		require.ErrorContains(t, b.Drain(done()), "not done: subscription idle, subscription quick, subscription slow")
		require.NoError(t, slow.View(background(), func(v *tick, e *bus.Event) error {
			all.note(e.Header().Key, v.Seq)
			require.NoError(t, result(t, all.receives(quick)), "it has had all of its lanes")
			require.ErrorContains(t, b.Drain(done()), "not done: subscription idle, subscription slow")
			return idle.Close()
		}))
		require.NoError(t, result(t, all.receives(slow)))
		require.NoError(t, b.Drain(background()))
		all.check(t, keys, each)
	})
}

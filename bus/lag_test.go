package bus_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// requireLag expects a LagError that accounts for every event between the last
// one received and the next.
func requireLag(t testing.TB, err error, p bus.Priority, missed, resumed uint64, evicted bool) {
	t.Helper()
	var lag *bus.LagError
	require.ErrorAs(t, err, &lag)
	require.ErrorIs(t, err, bus.ErrLag)
	require.Equal(t, bus.LagError{Priority: p, Missed: missed, Resumed: resumed, Evicted: evicted}, *lag)
}

func publishCrumbs(t testing.TB, p *bus.Publisher[crumb], from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, p.TryPublish(&crumb{uint64(i)}), "a lossy lane is never full")
	}
}

// Positions and sequence numbers are the same in these tests, so that what is
// missed can be checked to the event.
func TestLossyLaneCountsEveryLoss(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, n := range []int{capacity, capacity + 1, 2 * capacity, 2*capacity + 17, 1000} {
			pub, sub := newPub[crumb](t, b, nil), newSub[crumb](t, b, &bus.SubscribeOptions{Name: "lagging"})
			from := int(row(t, b, "lagging", bus.Low).Cursor)
			publishCrumbs(t, pub, from, from+n)
			expect, missed, gaps := uint64(from), uint64(0), 0
			for expect < uint64(from+n) {
				m, err := sub.TryReceive()
				if lag, ok := errors.AsType[*bus.LagError](err); ok {
					requireLag(t, err, bus.Low, lag.Missed, expect+lag.Missed, false)
					expect += lag.Missed
					missed += lag.Missed
					gaps++
					continue
				}
				require.NoError(t, err)
				require.Equal(t, expect, m.Value.Seq)
				require.Equal(t, expect, m.Position)
				expect++
			}
			requireEmpty(t, sub)
			if n > capacity {
				require.Equal(t, 1, gaps, "every gap is reported once")
				require.Positive(t, missed)
			} else {
				require.Zero(t, gaps)
			}
			require.Equal(t, bus.SubscriberStats{Received: uint64(n) - missed, Missed: missed}, awake(sub.Stats()))
			require.NoError(t, sub.Close())
		}
	})
}

func TestLagInTheMiddleOfABatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[crumb](t, b, nil), newSub[crumb](t, b, &bus.SubscribeOptions{Window: 4})
		publishCrumbs(t, pub, 0, 8)
		var seen []uint64
		n, err := sub.ViewBatch(background(), 100, func(v *crumb, _ *bus.Event) error {
			if seen = append(seen, v.Seq); v.Seq == 1 {
				publishCrumbs(t, pub, 8, 8+2*capacity) // overtakes all but the window
			}
			return nil
		})
		require.NoError(t, err, "what came before the gap is returned first")
		require.Equal(t, 4, n)
		require.Equal(t, []uint64{0, 1, 2, 3}, seen)
		_, err = sub.TryViewBatch(100, nil)
		var lag *bus.LagError
		require.ErrorAs(t, err, &lag)
		requireLag(t, err, bus.Low, lag.Missed, 4+lag.Missed, false)
		m, err := sub.TryReceive()
		require.NoError(t, err)
		require.Equal(t, lag.Resumed, m.Value.Seq)
	})
}

// Two lanes with a gap each: two errors, each with the count of its own lane.
func TestLagOfEachLane(t *testing.T) {
	geo := small()
	geo.High.Policy = bus.Lossy
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		sub, err := b.Subscribe(nil)
		require.NoError(t, err)
		for range 100 {
			f.publish(t, bus.High, bus.Low)
		}
		got := map[bus.Priority][2]uint64{} // missed, received
		for range 2*100 + 2 {
			m, err := sub.TryReceive()
			if errors.Is(err, bus.ErrEmpty) {
				break
			}
			var lag *bus.LagError
			if err != nil {
				require.ErrorAs(t, err, &lag)
				require.NotContains(t, got, lag.Priority, "once for each gap")
				got[lag.Priority] = [2]uint64{lag.Missed, 0}
				continue
			}
			c := got[m.Priority]
			c[1]++
			got[m.Priority] = c
		}
		require.Len(t, got, 2)
		for p, c := range got {
			assert.Equalf(t, uint64(100), c[0]+c[1], "%s", p)
			assert.Positive(t, c[0])
		}
	})
}

func TestStartOldest(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		f := newFour(t, b)
		oldest := &bus.SubscribeOptions{Start: bus.StartOldest}
		before := newSub[tick](t, b, oldest)
		requireEmpty(t, before)
		require.NoError(t, before.Close())

		publishTicks(t, f.normal, 0, 10)
		sub := newSub[tick](t, b, oldest)
		requireTicks(t, sub, 0, 10)
		require.NoError(t, sub.Close())

		publishTicks(t, f.normal, 10, 3*capacity)
		sub = newSub[tick](t, b, oldest)
		m, err := sub.TryReceive()
		require.NoError(t, err, "what is older than the lane is no gap")
		require.GreaterOrEqual(t, m.Value.Seq, uint64(2*capacity))
		requireTicks(t, sub, int(m.Value.Seq)+1, 3*capacity)
		assert.Zero(t, sub.Stats().Missed)

		publishCrumbs(t, f.low, 0, 3*capacity)
		lossy := newSub[crumb](t, b, oldest)
		first, err := lossy.TryReceive()
		require.NoError(t, err)
		require.GreaterOrEqual(t, first.Value.Seq, uint64(2*capacity))
		for i := first.Value.Seq + 1; i < 3*capacity; i++ {
			m, err := lossy.TryReceive()
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
		}
		requireEmpty(t, lossy)
	})
}

func TestStartIsChecked(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, o := range []bus.SubscribeOptions{{Start: 9}, {Window: -1}, {Window: 1 << 20}, {Starve: -1}, {Wait: 9},
			{Types: []bus.TypeID{0}}, {Types: []bus.TypeID{17}}} {
			_, err := b.Subscribe(&o)
			assert.ErrorIs(t, err, bus.ErrOptions, "%+v", o)
		}
		h, err := b.Held()
		require.NoError(t, err)
		assert.Equal(t, bus.Held{Participants: 1}, h)
	})
}

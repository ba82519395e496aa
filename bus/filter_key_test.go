package bus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// Filters on keys go by the tag of an entry, which every way to publish has to give.
func TestFilterByKeyOfEveryPublish(t *testing.T) {
	eachPair(t, func(t *testing.T, a, b *bus.Bus) {
		pub := newPub[tick](t, a, nil)
		some := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.Keys(7), Window: 4})
		durable := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.Keys(7, 70), Durable: "by key", Window: 4})
		seq := uint64(0)
		next := func() tick { seq++; return tick{Seq: seq} }
		with := func(key uint64) bus.With { return bus.With{Key: key} }
		var want []uint64
		taken := func(key uint64) uint64 {
			if key == 7 {
				want = append(want, seq)
			}
			return key
		}
		for round := range uint64(8) {
			for _, key := range []uint64{7, 8 + round, 7, 0} {
				v := next()
				require.NoError(t, pub.PublishWith(background(), &v, with(taken(key))))
				v = next()
				require.NoError(t, pub.TryPublishWith(&v, with(taken(key))))
				one, two := next(), bus.Item[tick]{}
				items := []bus.Item[tick]{{Value: one, With: with(taken(key))}}
				two.Value, two.With = next(), with(taken(7))
				_, err := pub.PublishItems(background(), append(items, two))
				require.NoError(t, err)

				l, err := pub.LoanFor(key)
				require.NoError(t, err)
				*l.Value() = next()
				taken(key)
				require.NoError(t, l.Publish(background()))
				l, err = pub.Loan()
				require.NoError(t, err)
				*l.Value() = next()
				l.SetKey(taken(key))
				require.NoError(t, l.TryPublish())

				loans := make([]bus.Loan[tick], 2)
				n, err := pub.LoanBatchFor(key, loans)
				require.NoError(t, err)
				for i := range n {
					*loans[i].Value() = next()
					taken(key)
				}
				_, err = pub.PublishLoans(background(), loans[:n])
				require.NoError(t, err)
			}
			for name, sub := range map[string]*bus.Subscriber[tick]{"window": some, "durable": durable} {
				var got []uint64
				for {
					m, err := sub.TryReceive()
					if err != nil {
						require.ErrorIs(t, err, bus.ErrEmpty)
						break
					}
					got = append(got, m.Value.Seq)
				}
				assert.Equal(t, want, got, name)
			}
			want = nil
		}
		st := some.Stats()
		assert.Equal(t, seq, st.Received+st.Filtered)
	})
}

// What a durable subscription has passed over by its keys does not come again after an
// orderly end, and holds nobody back.
func TestKeysPassedOverDoNotComeAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.SubscribeOptions{Durable: "d", Filter: bus.Keys(1), HoldEvents: 4, HoldPolicy: bus.HoldBlock}
		s := newSub[tick](t, b, o)
		p := newPub[tick](t, b, nil)
		put := func(key uint64) error { return p.TryPublishWith(&tick{}, bus.With{Key: key}) }
		requireEmpty(t, s)
		for range 5 {
			require.NoError(t, put(2))
		}
		require.NoError(t, put(1))
		_, err := s.TryReceive()
		require.NoError(t, err)
		require.NoError(t, s.Close())
		assert.EqualValues(t, 1, row(t, b, "d", bus.Normal).Depth, "the copy, which is not finished")
		for range 3 {
			require.NoError(t, put(2))
		}
		s = newSub[tick](t, b, o)
		_, err = s.TryReceive()
		require.NoError(t, err)
		assert.EqualValues(t, 5, s.Stats().Filtered)
	})
}

package bus_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A batch is counted together; also one whose callback never returns counts the
// events that it was given, and the next call goes on behind them.
func TestABatchThatDoesNotReturnIsCounted(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPub[tick](t, b, nil), newSub[tick](t, b, &bus.SubscribeOptions{Window: 8})
		ring, err := bus.OpenStatic[tick](b, "stretch", nil)
		require.NoError(t, err)
		sp, err := ring.Publisher()
		require.NoError(t, err)
		ss, err := ring.Subscribe(&bus.SubscribeOptions{Window: 8})
		require.NoError(t, err)
		for i := range 6 {
			require.NoError(t, p.TryPublish(&tick{Seq: uint64(i)}))
			require.NoError(t, sp.TryPublish(&tick{Seq: uint64(i)}))
		}
		ways := map[string]struct {
			batch func(max int, fn func(*tick) error) (int, error)
			stats func() bus.SubscriberStats
		}{
			"lane": {
				func(max int, fn func(*tick) error) (int, error) {
					return s.TryViewBatch(max, func(v *tick, _ *bus.Event) error { return fn(v) })
				}, s.Stats,
			},
			"static": {ss.TryViewBatch, ss.Stats},
		}
		for name, way := range ways {
			next := uint64(0)
			take := func(leave func()) func(*tick) error {
				return func(v *tick) error {
					assert.Equal(t, next, v.Seq, name)
					next++
					if next%2 == 0 {
						leave()
					}
					return nil
				}
			}
			func() {
				defer func() { assert.Equal(t, "left", recover(), name) }()
				_, _ = way.batch(6, take(func() { panic("left") }))
			}()
			assert.EqualValues(t, 2, way.stats().Received, name)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = way.batch(6, take(runtime.Goexit))
			}()
			<-done
			assert.EqualValues(t, 4, way.stats().Received, name)
			n, err := way.batch(6, take(func() {}))
			require.NoError(t, err)
			assert.Equal(t, 2, n, name)
			assert.EqualValues(t, 6, way.stats().Received, name)
		}
		snap, err := b.Snapshot()
		require.NoError(t, err)
		require.Len(t, snap.Types, 1)
		assert.EqualValues(t, 6, snap.Types[0].Delivered, "by type")
	})
}

// twin is an event as large as a tick, on the same lane.
type twin tick

// A batch takes what is of its type, and no other that looks like it, with the header
// and the tail of each.
func TestABatchTakesItsTypeAlone(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, other := newPub[tick](t, b, nil), newPub[twin](t, b, nil)
		s := newSub[tick](t, b, &bus.SubscribeOptions{Window: 8})
		var want []uint64
		for i := range uint64(12) {
			if i%3 == 1 {
				require.NoError(t, other.TryPublish(&twin{Seq: i}))
				continue
			}
			w := bus.With{Key: i}
			if i%2 == 0 {
				w.Tail = []byte{byte(i)}
			}
			require.NoError(t, p.TryPublishWith(&tick{Seq: i}, w))
			want = append(want, i)
		}
		var got []uint64
		for len(got) < len(want) {
			_, err := s.TryViewBatch(5, func(v *tick, e *bus.Event) error {
				h := e.Header()
				assert.Equal(t, v.Seq, h.Key)
				assert.Equal(t, v.Seq, h.Position)
				assert.Equal(t, typeID[tick](t, b), h.Type)
				if v.Seq%2 == 0 {
					assert.Equal(t, []byte{byte(v.Seq)}, e.Tail())
				} else {
					assert.Empty(t, e.Tail())
				}
				got = append(got, v.Seq)
				return nil
			})
			require.NoError(t, err)
		}
		assert.Equal(t, want, got)
		_, err := s.TryViewBatch(5, func(*tick, *bus.Event) error { return nil })
		require.ErrorIs(t, err, bus.ErrEmpty)
		st := s.Stats()
		assert.EqualValues(t, len(want), st.Received)
		assert.EqualValues(t, 12-len(want), st.Filtered)
	})
}

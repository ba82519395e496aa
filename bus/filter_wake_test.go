package bus_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// A subscription that asks for keys is woken by an event of one of them, however
// that is published.
func TestKeysWakeWhoAsksForThem(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		publish := []func(seq, key uint64) error{
			func(seq, key uint64) error {
				return pub.TryPublishWith(&tick{Seq: seq}, bus.With{Key: key})
			},
			func(seq, key uint64) error {
				_, err := pub.PublishItems(background(), []bus.Item[tick]{{With: bus.With{Key: 5}}, {Value: tick{Seq: seq}, With: bus.With{Key: key}}})
				return err
			},
			func(seq, key uint64) error {
				l, err := pub.LoanFor(key)
				if err != nil {
					return err
				}
				l.Value().Seq = seq
				return l.TryPublish()
			},
			func(seq, key uint64) error {
				ls := make([]bus.Loan[tick], 1)
				if _, err := pub.LoanBatch(ls); err != nil {
					return err
				}
				ls[0].Value().Seq = seq
				ls[0].SetKey(key)
				_, err := pub.PublishLoans(background(), ls)
				return err
			},
		}
		for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitAuto} {
			for i, f := range publish {
				name := string(rune('a' + i))
				sub := newSub[tick](t, b, &bus.SubscribeOptions{
					Name: name, Wait: wait, Filter: bus.Keys(7, 8).And(bus.Field("Seq").More(0)),
				})
				got := make(chan uint64, 1)
				done := async(func() error {
					m, err := sub.Receive(background())
					got <- m.Value.Seq
					return err
				})
				waiting(t, b, name)
				for seq := range uint64(20) { // less than half a lap
					require.NoError(t, f(seq, 6))
				}
				require.NoError(t, f(99, 8))
				require.NoError(t, result(t, done))
				assert.Equal(t, uint64(99), <-got)
				assert.NotZero(t, sub.Stats().Filtered)
				require.NoError(t, sub.Close())
			}
		}
	})
}

// One lost wake would stop this for ever: events of a key come one at a time, in
// a flood of others that laps the lane again and again.
func TestKeysLoseNoWake(t *testing.T) {
	eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
		const rounds = 300
		ping := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.Keys(1)})
		pong := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.Keys(2)})
		pub := newPub[tick](t, b, nil)
		var stop atomic.Bool
		var flood sync.WaitGroup
		flood.Go(func() {
			for key := uint64(3); !stop.Load(); key++ {
				assert.NoError(t, pub.PublishWith(background(), &tick{}, bus.With{Key: 3 + key%50}))
			}
		})
		// Who publishes waits for room, which only those make who receive; so they
		// must not wait for it themselves.
		post := make(chan bus.Item[tick], 2)
		flood.Go(func() {
			for it := range post {
				assert.NoError(t, pub.PublishWith(background(), &it.Value, it.With))
			}
		})
		done := async(func() error {
			for i := range uint64(rounds) {
				m, err := ping.Receive(background())
				if err != nil {
					return err
				}
				assert.Equal(t, i, m.Value.Seq)
				post <- bus.Item[tick]{Value: m.Value, With: bus.With{Key: 2}}
			}
			return ping.Close()
		})
		for i := range uint64(rounds) {
			post <- bus.Item[tick]{Value: tick{Seq: i}, With: bus.With{Key: 1}}
			m, err := pong.Receive(background())
			require.NoError(t, err)
			require.Equal(t, i, m.Value.Seq)
		}
		require.NoError(t, pong.Close()) // the flood must not wait for who receives no more
		close(post)
		require.NoError(t, result(t, done))
		stop.Store(true)
		flood.Wait()
	})
}

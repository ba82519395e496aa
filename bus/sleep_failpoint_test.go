//go:build failpoint

package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
)

// An event is published when a sleeper has looked at its lanes for the last time
// before it says that it sleeps: nobody wakes it, so it must look once more.
func TestAnEventComesJustBeforeASleeperIsArmed(t *testing.T) {
	for name, filter := range map[string]bus.Filter{"All": {}, "Keys": bus.Keys(7)} {
		for _, wait := range []bus.Wait{bus.WaitPark, bus.WaitAuto} {
			t.Run(name, func(t *testing.T) {
				eachWith(t, bus.Options{Geometry: small(), Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
					pub := newPub[tick](t, b, nil)
					sub := newSub[tick](t, b, &bus.SubscribeOptions{Wait: wait, Filter: filter})
					ctx, cancel := context.WithCancel(background())
					defer cancel()
					published, slept := false, false
					failpoint.Set(func(s failpoint.Step) {
						switch s {
						case "sleeper/arm":
							if !published {
								published = true
								assert.NoError(t, pub.TryPublishWith(&tick{Seq: 42}, bus.With{Key: 7}))
							}
						case "sleeper/wait":
							slept = true
							cancel() // or it would sleep for an hour
						}
					})
					defer failpoint.Set(nil)
					m, err := sub.Receive(ctx)
					require.False(t, slept, "it sleeps with an event in its lane")
					require.NoError(t, err)
					require.Equal(t, uint64(42), m.Value.Seq)
					require.True(t, published)
				})
			})
		}
	}
}

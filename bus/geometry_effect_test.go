package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// withLane runs a test over a shared and over a local bus whose Normal lane is
// changed.
func withLane(t *testing.T, change func(*bus.LaneGeometry), f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	geo := small()
	change(&geo.Normal)
	eachWith(t, bus.Options{Geometry: geo}, f)
}

// shaped tests that the lane of a priority is as its part of the geometry says,
// and others are as small is.
func shaped(p bus.Priority) func(t *testing.T) {
	return func(t *testing.T) {
		geo := small()
		geo.Lane(p).Capacity, geo.Lane(p).Policy = capacity/2, bus.Reliable
		withOptions(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[tick](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Priority: p}})
			newSub[tick](t, b, &bus.SubscribeOptions{Type: bus.TypeOptions{Priority: p}})
			assert.Equal(t, capacity/2, fill(t, pub, 0))
		})
	}
}

var geometryEffects = effects{
	"Participants": func(t *testing.T) {
		geo := small()
		geo.Participants = 1
		dir := t.TempDir()
		open(t, dir, bus.Options{Geometry: geo})
		_, err := bus.Open("test", &bus.Options{Dir: dir})
		assert.ErrorIs(t, err, bus.ErrTooMany)
	},
	"Subscribers": func(t *testing.T) {
		geo := small()
		geo.Subscribers = 1
		withOptions(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
			newSub[tick](t, b, nil)
			_, err := bus.Subscribe[tick](b, nil)
			assert.ErrorIs(t, err, bus.ErrTooMany)
		})
	},
	"Types": func(t *testing.T) {
		geo := small()
		geo.Types = 1
		withOptions(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
			typeID[tick](t, b)
			_, err := bus.TypeFor[call](b)
			assert.ErrorIs(t, err, bus.ErrTooMany)
		})
	},
	"Critical": shaped(bus.Critical),
	"High":     shaped(bus.High),
	"Normal":   shaped(bus.Normal),
	"Low":      shaped(bus.Low),
}

var laneEffects = effects{
	"Shards": func(t *testing.T) {
		for _, shards := range []int{0, 1, 5} {
			withLane(t, func(l *bus.LaneGeometry) { l.Shards = shards }, func(t *testing.T, b *bus.Bus) {
				pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
				require.NoError(t, pub.TryPublishWith(&tick{}, bus.With{Key: 9}))
				m, err := sub.TryReceive()
				require.NoError(t, err)
				assert.Equal(t, 9%max(shards, 1), m.Shard)
			})
		}
	},
	"Capacity": func(t *testing.T) {
		withLane(t, func(l *bus.LaneGeometry) { l.Capacity = 16 }, func(t *testing.T, b *bus.Bus) {
			newSub[tick](t, b, nil)
			assert.Equal(t, 16, fill(t, newPub[tick](t, b, nil), 0))
		})
	},
	"SlotSize": func(t *testing.T) {
		withLane(t, func(l *bus.LaneGeometry) { l.SlotSize = 256 }, func(t *testing.T, b *bus.Bus) {
			other := newPub[tick](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "high", Priority: bus.High}})
			assert.Equal(t, other.MaxTail()+256-small().High.SlotSize, newPub[tick](t, b, nil).MaxTail())
		})
	},
	"Policy": func(t *testing.T) {
		for _, policy := range []bus.Policy{0, bus.Reliable, bus.Lossy} {
			withLane(t, func(l *bus.LaneGeometry) { l.Policy = policy }, func(t *testing.T, b *bus.Bus) {
				pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
				if policy != bus.Lossy {
					assert.Equal(t, capacity, fill(t, pub, 0))
					return
				}
				publishTicks(t, pub, 0, 2*capacity)
				_, err := sub.TryReceive()
				assert.ErrorIs(t, err, bus.ErrLag)
			})
		}
	},
	"Ports": func(t *testing.T) {
		withLane(t, func(l *bus.LaneGeometry) { l.Ports = 2 }, func(t *testing.T, b *bus.Bus) {
			own := &bus.PublisherOptions{Exclusive: true}
			newPub[tick](t, b, own)
			newPub[tick](t, b, own)
			_, err := bus.NewPublisher[tick](b, own)
			assert.ErrorIs(t, err, bus.ErrNoPort)
		})
	},
	"Pins": func(t *testing.T) {
		withLane(t, func(l *bus.LaneGeometry) { l.Pins = 6 }, func(t *testing.T, b *bus.Bus) {
			newSub[tick](t, b, &bus.SubscribeOptions{Window: 5})
			_, err := bus.Subscribe[tick](b, &bus.SubscribeOptions{Window: 2})
			assert.ErrorIs(t, err, bus.ErrPinBudget)
			newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
		})
	},
	"Batch": func(t *testing.T) {
		withLane(t, func(l *bus.LaneGeometry) { l.Batch = 3 }, func(t *testing.T, b *bus.Bus) {
			pub := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
			loans := make([]bus.Loan[tick], 10)
			n, err := pub.LoanBatch(loans)
			require.NoError(t, err)
			assert.Equal(t, 3, n)
			pub.DiscardLoans(loans)
		})
	},
	"EvictAfter": func(t *testing.T) {
		for _, after := range []time.Duration{time.Millisecond, -1, 0} { // 0: a second
			withLane(t, func(l *bus.LaneGeometry) { l.EvictAfter = after }, func(t *testing.T, b *bus.Bus) {
				pub := newPub[tick](t, b, nil)
				newSub[tick](t, b, &bus.SubscribeOptions{Name: "still"})
				n := fill(t, pub, 0)
				ctx := background()
				if after < 0 {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
					defer cancel()
				}
				err := pub.Publish(ctx, &tick{Seq: uint64(n)})
				if after < 0 {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, after >= 0, row(t, b, "still", bus.Normal).Evicted)
			})
		}
	},
	"NoTime": func(t *testing.T) {
		for _, no := range []bool{false, true} {
			withLane(t, func(l *bus.LaneGeometry) { l.NoTime = no }, func(t *testing.T, b *bus.Bus) {
				pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
				publishTicks(t, pub, 0, 1)
				m, err := sub.TryReceive()
				require.NoError(t, err)
				assert.Equal(t, no, m.Time == 0)
			})
		}
	},
}

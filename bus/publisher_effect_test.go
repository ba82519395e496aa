package bus_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

var typeEffects = effects{
	"Name": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			newPub[tick](t, b, nil)
			newPub[tick](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "another"}})
			_, _, types := snapshot(t, b)
			assert.Contains(t, types, "bus_test.tick")
			assert.Contains(t, types, "another")
		})
	},
	"Priority": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			for asked, got := range map[bus.Priority]bus.Priority{0: bus.Normal, bus.High: bus.High} {
				o := bus.TypeOptions{Name: got.String(), Priority: asked}
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Type: o})
				publishTicks(t, newPub[tick](t, b, &bus.PublisherOptions{Type: o}), 0, 1)
				m, err := sub.TryReceive()
				require.NoError(t, err)
				assert.Equal(t, got, m.Priority)
			}
		})
	},
	"Also": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			err := newPub[tick](t, b, nil).TryPublishWith(&tick{}, at(bus.High))
			assert.ErrorIs(t, err, bus.ErrOptions)
			o := bus.TypeOptions{Name: "wide", Also: []bus.Priority{bus.High}}
			assert.NoError(t, newPub[tick](t, b, &bus.PublisherOptions{Type: o}).TryPublishWith(&tick{}, at(bus.High)))
		})
	},
}

var publisherEffects = effects{
	"Type": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			plain := newPub[tick](t, b, nil)
			other := newPub[tick](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "another"}})
			assert.NotEqual(t, plain.Type(), other.Type())
		})
	},
	"Exclusive": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			ports := func() int {
				_, lanes, _ := snapshot(t, b)
				return lanes["normal"].PortsUsed
			}
			newPub[tick](t, b, nil)
			newPub[tick](t, b, nil)
			require.Equal(t, 1, ports(), "shared")
			own := newPub[tick](t, b, &bus.PublisherOptions{Exclusive: true})
			assert.Equal(t, 2, ports(), "its own")
			require.NoError(t, own.Close())
			assert.Equal(t, 1, ports())
		})
	},
	"RequireSubscriber": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			require.NoError(t, newPub[tick](t, b, nil).TryPublish(&tick{}))
			require.ErrorIs(t, newPub[tick](t, b, required).TryPublish(&tick{}), bus.ErrNoSubscriber)
		})
	},
}

// sent is an event as it is received after it was published with w.
func sent(t *testing.T, b *bus.Bus, w bus.With) bus.Message[memo] {
	t.Helper()
	sub := newSub[memo](t, b, nil)
	require.NoError(t, newPub[memo](t, b, nil).TryPublishWith(&memo{}, w))
	m, err := sub.TryReceive()
	require.NoError(t, err)
	require.NoError(t, sub.Close())
	return m
}

var withEffects = effects{
	"Key": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			assert.Equal(t, uint64(7), sent(t, b, bus.With{Key: 7}).Key)
			assert.Zero(t, sent(t, b, bus.With{}).Key)
		})
	},
	"Tail": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			assert.Equal(t, "tail", string(sent(t, b, bus.With{Tail: []byte("tail")}).Tail))
			assert.Empty(t, sent(t, b, bus.With{}).Tail)
		})
	},
	"Time": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			assert.Equal(t, int64(99), sent(t, b, bus.With{Time: 99}).Time)
			before := bus.Now()
			now := sent(t, b, bus.With{}).Time
			assert.LessOrEqual(t, before, now)
			assert.LessOrEqual(t, now, bus.Now())
		})
	},
	"Priority": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			assert.Equal(t, bus.Critical, sent(t, b, at(bus.Critical)).Priority)
			assert.Equal(t, bus.Normal, sent(t, b, bus.With{}).Priority)
		})
	},
}

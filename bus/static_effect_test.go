package bus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// withStatic runs a test over a small static ring that is changed.
func withStatic(t *testing.T, change func(*bus.StaticOptions), f func(t *testing.T, r *bus.Static[tick])) {
	t.Helper()
	o := smallStatic()
	change(o)
	eachStatic(t, o, f)
}

var staticEffects = effects{
	"Capacity": func(t *testing.T) {
		for asked, got := range map[int]int{16: 16, 0: 4096} {
			withStatic(t, func(o *bus.StaticOptions) { o.Capacity = asked }, func(t *testing.T, r *bus.Static[tick]) {
				staticSub(t, r, nil)
				assert.Equal(t, got, fillStatic(t, staticPub(t, r), 0))
			})
		}
	},
	"Policy": func(t *testing.T) {
		for _, policy := range []bus.Policy{0, bus.Reliable, bus.Lossy} {
			withStatic(t, func(o *bus.StaticOptions) { o.Policy = policy }, func(t *testing.T, r *bus.Static[tick]) {
				sub := staticSub(t, r, nil)
				if policy != bus.Lossy {
					assert.Equal(t, capacity, fillStatic(t, staticPub(t, r), 0))
					return
				}
				putTicks(t, staticPub(t, r), 0, 2*capacity)
				_, err := sub.TryReceive()
				assert.ErrorIs(t, err, bus.ErrLag)
			})
		}
	},
	"Ports": func(t *testing.T) {
		withStatic(t, func(o *bus.StaticOptions) { o.Ports = 1 }, func(t *testing.T, r *bus.Static[tick]) {
			staticPub(t, r)
			_, err := r.Publisher()
			assert.ErrorIs(t, err, bus.ErrNoPort)
		})
	},
	"Pins": func(t *testing.T) {
		withStatic(t, func(o *bus.StaticOptions) { o.Pins = 4 }, func(t *testing.T, r *bus.Static[tick]) {
			staticSub(t, r, &bus.SubscribeOptions{Window: 3})
			_, err := r.Subscribe(&bus.SubscribeOptions{Window: 2})
			assert.ErrorIs(t, err, bus.ErrPinBudget)
		})
	},
	"Batch": func(t *testing.T) {
		withStatic(t, func(o *bus.StaticOptions) { o.Batch = 2 }, func(t *testing.T, r *bus.Static[tick]) {
			p := staticPub(t, r)
			for range 2 {
				l, err := p.Loan()
				require.NoError(t, err)
				defer l.Discard()
			}
			_, err := p.Loan()
			assert.ErrorIs(t, err, bus.ErrNoSlot)
		})
	},
	"EvictAfter": func(t *testing.T) {
		for after, evicted := range map[time.Duration]bool{time.Millisecond: true, 0: true, -1: false} {
			withStatic(t, func(o *bus.StaticOptions) { o.EvictAfter = after }, func(t *testing.T, r *bus.Static[tick]) {
				staticSub(t, r, nil)
				if !evicted {
					assert.Equal(t, capacity, fillStatic(t, staticPub(t, r), 0))
					return
				}
				p := staticPub(t, r)
				for range capacity + 1 {
					require.NoError(t, p.Publish(background(), &tick{}))
				}
			})
		}
	},
	"Participants": func(t *testing.T) {
		dir := t.TempDir()
		a, b := open(t, dir, bus.Options{Geometry: small()}), open(t, dir, bus.Options{Geometry: small()})
		o := smallStatic()
		o.Participants = 1
		ticks(t, a, o)
		_, err := bus.OpenStatic[tick](b, "ticks", nil)
		assert.ErrorIs(t, err, bus.ErrTooMany)
	},
	"Subscribers": func(t *testing.T) {
		withStatic(t, func(o *bus.StaticOptions) { o.Subscribers = 1 }, func(t *testing.T, r *bus.Static[tick]) {
			staticSub(t, r, nil)
			_, err := r.Subscribe(nil)
			assert.ErrorIs(t, err, bus.ErrTooMany)
		})
	},
	"TypeName": func(t *testing.T) {
		for asked, got := range map[string]string{"another": "another", "": "bus_test.tick"} {
			withStatic(t, func(o *bus.StaticOptions) { o.TypeName = asked }, func(t *testing.T, r *bus.Static[tick]) {
				s, err := r.Snapshot()
				require.NoError(t, err)
				assert.Equal(t, got, s.Types[0].Name)
			})
		}
	},
	"Join": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			_, err := bus.OpenStatic[tick](b, "ticks", &bus.StaticOptions{Join: true})
			require.ErrorIs(t, err, bus.ErrNotExist)
			ticks(t, b, smallStatic())
			ticks(t, b, &bus.StaticOptions{Join: true})
		})
	},
}

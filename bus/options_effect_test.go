package bus_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// effects are tests of what an option changes, by its name: what happens with it,
// and without.
type effects map[string]func(t *testing.T)

// Every option has an effect. An option without a test of it, or a test without
// an option, fails here.
func TestEveryOptionHasAnEffect(t *testing.T) {
	for _, group := range []struct {
		of    reflect.Type
		tests effects
	}{
		{reflect.TypeFor[bus.Options](), optionsEffects},
		{reflect.TypeFor[bus.Geometry](), geometryEffects},
		{reflect.TypeFor[bus.LaneGeometry](), laneEffects},
		{reflect.TypeFor[bus.TypeOptions](), typeEffects},
		{reflect.TypeFor[bus.PublisherOptions](), publisherEffects},
		{reflect.TypeFor[bus.With](), withEffects},
		{reflect.TypeFor[bus.SubscribeOptions](), subscribeEffects},
		{reflect.TypeFor[bus.StaticOptions](), staticEffects},
		{reflect.TypeFor[bus.HandlerOptions](), handlerEffects},
		{reflect.TypeFor[bus.ServeOptions](), serveEffects},
		{reflect.TypeFor[bus.ClientOptions](), clientEffects},
	} {
		t.Run(group.of.Name(), func(t *testing.T) {
			options := map[string]bool{}
			for _, f := range reflect.VisibleFields(group.of) {
				if f.IsExported() && !f.Anonymous && len(f.Index) == 1 {
					options[f.Name] = true
					assert.Contains(t, group.tests, f.Name, "no test of its effect")
				}
			}
			for name, test := range group.tests {
				if assert.Contains(t, options, name, "there is no such option") {
					t.Run(name, test)
				}
			}
		})
	}
}

// withOptions runs a test over a shared and over a local bus of these options, in
// the small geometry unless they say otherwise.
func withOptions(t *testing.T, o bus.Options, f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	if reflect.ValueOf(o.Geometry).IsZero() {
		o.Geometry = small()
	}
	eachWith(t, o, f)
}

// idle lets a subscription wait for a while, and then for an event.
func idle(t *testing.T, b *bus.Bus, o *bus.SubscribeOptions, until func(s *bus.Subscriber[tick]) bool) bus.SubscriberStats {
	t.Helper()
	sub := newSub[tick](t, b, o)
	done := async(func() error {
		_, err := sub.Receive(background())
		return err
	})
	require.Eventually(t, func() bool { return until(sub) }, patience, often)
	require.NoError(t, newPub[tick](t, b, nil).TryPublish(&tick{}))
	require.NoError(t, result(t, done))
	return sub.Stats()
}

// aWhile is long enough for a subscription that sleeps at all to have done so,
// mostly: a test that needs it for sure waits until it shows.
func aWhile() func(*bus.Subscriber[tick]) bool {
	end := time.Now().Add(20 * time.Millisecond)
	return func(*bus.Subscriber[tick]) bool { return time.Now().After(end) }
}

func asleep(b *bus.Bus, name string) func(*bus.Subscriber[tick]) bool {
	return func(*bus.Subscriber[tick]) bool {
		s, err := b.Snapshot()
		if err != nil {
			return false
		}
		for _, r := range s.Subscribers {
			if r.Name == name && r.Waiting {
				return true
			}
		}
		return false
	}
}

var optionsEffects = effects{
	"Dir": func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir, bus.Options{Geometry: small()})
		assert.FileExists(t, filepath.Join(dir, "test"))
		b, err := bus.Open("effect-of-dir", &bus.Options{Geometry: small()})
		require.NoError(t, err)
		assert.FileExists(t, filepath.Join(os.Getenv("SHMBUS_DIR"), "effect-of-dir"))
		require.NoError(t, b.Close())
		require.NoError(t, bus.Remove("effect-of-dir", nil))
	},
	"Mode": func(t *testing.T) {
		for _, m := range []struct{ asked, got os.FileMode }{{0, 0o600}, {0o640, 0o640}} {
			dir := t.TempDir()
			open(t, dir, bus.Options{Geometry: small(), Mode: m.asked})
			info, err := os.Stat(filepath.Join(dir, "test"))
			require.NoError(t, err)
			assert.Equal(t, m.got, info.Mode().Perm())
		}
	},
	"Group": func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir, bus.Options{Geometry: small(), Group: os.Getgid()})
		info, err := os.Stat(filepath.Join(dir, "test"))
		require.NoError(t, err)
		want := os.FileMode(0o660)
		if os.Getgid() == 0 {
			want = 0o600 // 0 is nobody's, as far as the option goes
		}
		assert.Equal(t, want, info.Mode().Perm())
	},
	"Process": func(t *testing.T) {
		for asked, got := range map[string]string{"sipd": "sipd", "": filepath.Base(os.Args[0])} {
			withOptions(t, bus.Options{Process: asked}, func(t *testing.T, b *bus.Bus) {
				s, err := b.Snapshot()
				require.NoError(t, err)
				assert.Equal(t, got, s.Participants[0].Name)
				newSub[tick](t, b, nil)
				row(t, b, got, bus.Normal)
			})
		}
	},
	"Geometry": func(t *testing.T) {
		geo := small()
		geo.Normal.Capacity = 32
		withOptions(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
			assert.Equal(t, 32, b.Geometry().Normal.Capacity)
		})
		b, err := bus.OpenLocal(nil)
		require.NoError(t, err)
		assert.Equal(t, bus.DefaultGeometry(), b.Geometry())
		require.NoError(t, b.Close())
	},
	"Join": func(t *testing.T) {
		dir := t.TempDir()
		_, err := bus.Open("test", &bus.Options{Dir: dir, Join: true})
		require.ErrorIs(t, err, bus.ErrNotExist)
		open(t, dir, bus.Options{Geometry: small()})
		open(t, dir, bus.Options{Join: true})
	},
	"Wait": func(t *testing.T) {
		waitEffect(t, func(w bus.Wait) (bus.Options, bus.SubscribeOptions) {
			return bus.Options{Wait: w}, bus.SubscribeOptions{}
		})
	},
	"Timeout": func(t *testing.T) {
		withOptions(t, bus.Options{Timeout: time.Millisecond}, func(t *testing.T, b *bus.Bus) {
			_, err := newSub[tick](t, b, nil).Receive(background())
			assert.ErrorIs(t, err, bus.ErrTimeout)
		})
		withOptions(t, bus.Options{}, noTimeout)
	},
	"Heal": func(t *testing.T) {
		// A sleeper that nobody wakes comes back by itself, or does not.
		o := &bus.SubscribeOptions{Name: "sleeper", Wait: bus.WaitPark}
		withOptions(t, bus.Options{Heal: time.Millisecond}, func(t *testing.T, b *bus.Bus) {
			idle(t, b, o, func(s *bus.Subscriber[tick]) bool { return s.Stats().Wakeups > 2 })
		})
		withOptions(t, bus.Options{Heal: time.Hour}, func(t *testing.T, b *bus.Bus) {
			st := idle(t, b, o, asleep(b, "sleeper"))
			assert.LessOrEqual(t, st.Wakeups, uint64(1), "none but that for its event")
		})
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			idle(t, b, o, func(s *bus.Subscriber[tick]) bool { return s.Stats().Wakeups > 2 })
		})
	},
	"PortsPerLane": func(t *testing.T) {
		batch := small().Normal.Batch
		for asked, got := range map[int]int{1: 1, 3: 3, 0: 2, math.MaxInt: small().Normal.Ports} {
			withOptions(t, bus.Options{PortsPerLane: asked}, func(t *testing.T, b *bus.Bus) {
				pub := newPub[tick](t, b, nil)
				loans := make([]bus.Loan[tick], small().Normal.Ports*batch)
				n, err := pub.LoanBatch(loans)
				require.NoError(t, err)
				assert.Equal(t, got*batch, n, "a batch of each port")
				_, lanes, _ := snapshot(t, b)
				assert.Equal(t, got, lanes["normal"].PortsUsed)
				pub.DiscardLoans(loans)
			})
		}
	},
	"RecoverEvery": func(t *testing.T) {
		const dead = 5
		there := func(t *testing.T, b *bus.Bus) bool {
			s, err := b.Snapshot()
			require.NoError(t, err)
			return len(s.Participants) > 1
		}
		for _, every := range []time.Duration{time.Millisecond, 0} {
			withOptions(t, bus.Options{RecoverEvery: every}, func(t *testing.T, b *bus.Bus) {
				b.LeaveBehind(dead)
				require.Eventually(t, func() bool { return !there(t, b) }, patience, often)
			})
		}
		withOptions(t, bus.Options{RecoverEvery: time.Hour}, func(t *testing.T, b *bus.Bus) {
			b.LeaveBehind(dead)
			idle(t, b, nil, aWhile())
			assert.True(t, there(t, b), "nobody needs what it held")
		})
	},
	"OnMetrics": func(t *testing.T) {
		seen := make(chan bus.Snapshot, 1)
		o := bus.Options{Geometry: small(), MetricsEvery: time.Millisecond, OnMetrics: func(s bus.Snapshot) {
			select {
			case seen <- s:
			default:
			}
		}}
		b := open(t, t.TempDir(), o)
		assert.Equal(t, b.Name(), result(t, seen).Region)
	},
	"MetricsEvery": func(t *testing.T) {
		for every, most := range map[time.Duration]int64{time.Millisecond: 1 << 30, time.Hour: 0} {
			var calls atomic.Int64
			b, err := bus.OpenLocal(&bus.Options{Geometry: small(), MetricsEvery: every, OnMetrics: func(bus.Snapshot) { calls.Add(1) }})
			require.NoError(t, err)
			if most > 0 {
				require.Eventually(t, func() bool { return calls.Load() > 2 }, patience, often)
			} else {
				idle(t, b, nil, aWhile())
			}
			assert.LessOrEqual(t, calls.Load(), most)
			require.NoError(t, b.Close())
		}
	},
}

// noTimeout requires a receive call to end with its context, and by nothing else.
func noTimeout(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(background(), 10*time.Millisecond)
	defer cancel()
	_, err := newSub[tick](t, b, nil).Receive(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, bus.ErrTimeout)
}

// waitEffect tests a way to wait: who spins never sleeps, and the others do.
func waitEffect(t *testing.T, ask func(bus.Wait) (bus.Options, bus.SubscribeOptions)) {
	for _, w := range []bus.Wait{bus.WaitSpin, bus.WaitPark, bus.WaitAuto, 0} {
		o, so := ask(w)
		so.Name = "waiter"
		withOptions(t, o, func(t *testing.T, b *bus.Bus) {
			if w == bus.WaitSpin {
				assert.Zero(t, idle(t, b, &so, aWhile()).Wakeups)
				return
			}
			idle(t, b, &so, asleep(b, "waiter"))
		})
	}
}

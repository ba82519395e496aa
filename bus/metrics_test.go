package bus_test

import (
	"encoding/json"
	"expvar"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestMetrics(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		type other struct{ Seq uint64 }
		ticks, crumbs := newPub[tick](t, b, nil), newPub[crumb](t, b, nil)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Name: "viewer", Window: 1, Types: []bus.TypeID{ticks.Type(), typeID[crumb](t, b)}})
		require.NoError(t, err)
		foreign := newPub[other](t, b, nil)
		for i := range 3 {
			require.NoError(t, ticks.TryPublishWith(&tick{}, bus.With{Key: uint64(i)}))
		}
		require.NoError(t, crumbs.TryPublish(&crumb{}))
		require.NoError(t, foreign.TryPublish(&other{}))
		for range 4 {
			_, err := sub.TryReceive()
			require.NoError(t, err)
		}
		_, err = sub.TryReceive()
		require.ErrorIs(t, err, bus.ErrEmpty)
		require.NoError(t, crumbs.TryPublish(&crumb{}))

		m := b.Metrics()
		assert.Equal(t, bus.Metrics{
			Region: b.Name(), Participants: 1,
			Total: bus.Counts{Published: 6, Delivered: 4, Filtered: 1},
			Lanes: map[string]bus.LaneCounts{
				"critical/0": {}, "high/0": {},
				"normal/0": {Counts: bus.Counts{Published: 3, Delivered: 2, Filtered: 1}},
				"normal/1": {Counts: bus.Counts{Published: 1, Delivered: 1}},
				"low/0":    {Counts: bus.Counts{Published: 2, Delivered: 1}, Depth: 1},
			},
			Types: map[string]bus.Counts{
				"bus_test.tick":  {Published: 3, Delivered: 3},
				"test.crumb":     {Published: 2, Delivered: 1},
				"bus_test.other": {Published: 1, Filtered: 1},
			},
			Subscribers: []bus.SubscriberCounts{{
				ID: m.Subscribers[0].ID, Name: "viewer", PID: m.Subscribers[0].PID, Depth: 1,
				Counts: bus.Counts{Delivered: 4, Filtered: 1},
			}},
		}, m)

		var v expvar.Var = b.Var()
		var back bus.Metrics
		require.NoError(t, json.Unmarshal([]byte(v.String()), &back))
		assert.Equal(t, m, back, "as it is now")
		require.NoError(t, crumbs.TryPublish(&crumb{}))
		require.NoError(t, json.Unmarshal([]byte(v.String()), &back))
		assert.Equal(t, uint64(7), back.Total.Published, "as it is then")

		require.NoError(t, b.Close())
		back = bus.Metrics{}
		require.NoError(t, json.Unmarshal([]byte(v.String()), &back), "a page of variables outlives the bus")
		assert.Equal(t, bus.Metrics{Region: b.Name(), Lanes: map[string]bus.LaneCounts{}, Types: map[string]bus.Counts{}, Subscribers: []bus.SubscriberCounts{}}, back)
	})
}

// What a region counts, every participant and viewer sees, and none of it falls as
// processes come and go.
func TestMetricsOfTheWholeRegion(t *testing.T) {
	dir := t.TempDir()
	o := bus.Options{Geometry: small()}
	a := open(t, dir, o)
	total := bus.Counts{}
	for range 4 {
		b := open(t, dir, o)
		pub := newPub[tick](t, a, nil)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
		publishTicks(t, pub, 0, 10)
		requireTicks(t, sub, 0, 10)
		total.Published += 10
		total.Delivered += 10
		assert.Equal(t, total, a.Metrics().Total)
		assert.Equal(t, a.Metrics(), b.Metrics())
		require.NoError(t, b.Close())
		assert.Equal(t, total, a.Metrics().Total)
	}
	v, err := bus.Inspect("test", &bus.Options{Dir: dir})
	require.NoError(t, err)
	s, err := v.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, a.Metrics(), s.Metrics())
	require.NoError(t, v.Close())
}

func TestOnMetrics(t *testing.T) {
	for _, where := range []string{"Shared", "Local"} {
		t.Run(where, func(t *testing.T) {
			var calls, after atomic.Int64
			var closed atomic.Bool
			seen := make(chan bus.Snapshot)
			stop := make(chan struct{})
			o := bus.Options{Geometry: small(), MetricsEvery: time.Millisecond, OnMetrics: func(s bus.Snapshot) {
				if closed.Load() {
					after.Add(1)
				}
				calls.Add(1)
				select {
				case seen <- s:
				case <-stop:
				}
			}}
			var b *bus.Bus
			if where == "Shared" {
				b = open(t, t.TempDir(), o)
			} else {
				var err error
				b, err = bus.OpenLocal(&o)
				require.NoError(t, err)
			}
			pub := newPub[tick](t, b, nil)
			publishTicks(t, pub, 0, 7)
			for s := range seen {
				if m := s.Metrics(); m.Total.Published == 7 {
					assert.Equal(t, uint64(7), m.Types["bus_test.tick"].Published)
					break
				}
			}
			require.Eventually(t, func() bool { return calls.Load() > 1 }, patience, often)
			// One call is under way, and Close does not wait for it.
			require.NoError(t, b.Close())
			closed.Store(true)
			close(stop)
			time.Sleep(10 * time.Millisecond) // if it went on, it would show now and then
			assert.Zero(t, after.Load(), "no call begins after Close")
		})
	}
}

// A callback may close the bus that calls it.
func TestOnMetricsCloses(t *testing.T) {
	var b *bus.Bus
	ready, done := make(chan struct{}), make(chan error, 1)
	b, err := bus.OpenLocal(&bus.Options{Geometry: small(), MetricsEvery: time.Millisecond, OnMetrics: func(bus.Snapshot) {
		<-ready
		done <- b.Close()
	}})
	require.NoError(t, err)
	close(ready)
	require.NoError(t, result(t, done))
}

func TestMetricsOptions(t *testing.T) {
	_, err := bus.OpenLocal(&bus.Options{MetricsEvery: -1, OnMetrics: func(bus.Snapshot) {}})
	assert.ErrorIs(t, err, bus.ErrOptions)
	_, err = bus.OpenLocal(&bus.Options{MetricsEvery: time.Second})
	assert.ErrorIs(t, err, bus.ErrOptions, "it would have no effect")
}

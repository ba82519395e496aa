package bus_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// heapInUse is the heap that is reachable now, in bytes.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a process pays beside the mapping, with the default geometry: under
// 10 MB for the region, under 64 KiB for a subscription.
func TestFootprint(t *testing.T) {
	const subscribers = 16
	before := heapInUse()
	b, err := bus.Open("footprint", &bus.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	opened := heapInUse()
	assert.Less(t, opened-before, int64(10<<20), "a region")

	var subs []*bus.Subscription
	for range subscribers {
		s, err := b.Subscribe(&bus.SubscribeOptions{Window: 4})
		require.NoError(t, err)
		subs = append(subs, s)
	}
	subscribed := heapInUse()
	assert.Less(t, (subscribed-opened)/subscribers, int64(64<<10), "a subscription")
	t.Logf("region %d bytes, subscription %d bytes", opened-before, (subscribed-opened)/subscribers)
	runtime.KeepAlive(subs)
}

func TestDefaultGeometryFitsAContainer(t *testing.T) {
	assert.LessOrEqual(t, bus.DefaultGeometry().Size(), 48<<20)
}

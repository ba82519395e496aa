package bus_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// One goroutine publishes batch after batch. Others have their turns between them,
// also where a loan must go back through the very seat that it came from.
func TestWhoWaitsForASeatIsNext(t *testing.T) {
	b := open(t, t.TempDir(), bus.Options{Geometry: small(), PortsPerLane: 1})
	pub := newPub[tick](t, b, nil)
	l, err := pub.Loan()
	require.NoError(t, err)
	var stop atomic.Bool
	var batches atomic.Uint64
	end := async(func() error {
		vs := make([]tick, 2000)
		for !stop.Load() {
			if _, err := pub.PublishBatch(background(), vs); err != nil {
				return err
			}
			batches.Add(1)
		}
		return nil
	})
	require.Eventually(t, func() bool { return batches.Load() > 0 }, patience, often)
	const turns = 200
	began := batches.Load()
	for range turns {
		require.NoError(t, l.TryPublish())
		l, err = pub.Loan()
		require.NoError(t, err)
	}
	// A batch that is under way when it comes is waited for, and mostly no other.
	require.Less(t, batches.Load()-began, uint64(40*turns), "others hardly come in between")
	l.Discard()
	stop.Store(true)
	require.NoError(t, result(t, end))
}

package ring_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

func TestPortsAreClaimedUntilThereAreNone(t *testing.T) {
	lane := newLane(t, geometry(8), 0) // 3 ports
	for i := range 3 {
		port, err := lane.ClaimPort(uint64(10 + i))
		require.NoError(t, err)
		assert.Equal(t, uint64(10+i), lane.PortOwner(port))
	}
	assert.Equal(t, 3, lane.Stats().PortsUsed)
	_, err := lane.ClaimPort(99)
	require.ErrorIs(t, err, ring.ErrNoPort)
	lane.ReleasePort(1)
	assert.Zero(t, lane.PortOwner(1))
	port, err := lane.ClaimPort(99)
	require.NoError(t, err)
	assert.Equal(t, 1, port)
}

func TestAPortNeedsAnOwner(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	assert.Panics(t, func() { _, _ = lane.ClaimPort(0) })
}

func TestAPortHasOneOwnerAtATime(t *testing.T) {
	lane := newLane(t, geometry(8), 0)
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	var wg sync.WaitGroup
	for owner := uint64(1); owner <= 5; owner++ {
		wg.Go(func() {
			for range rounds {
				port, err := lane.ClaimPort(owner)
				if err != nil {
					assert.ErrorIs(t, err, ring.ErrNoPort)
					continue
				}
				assert.Equal(t, owner, lane.PortOwner(port))
				p, err := lane.NewProducer(port, nil)
				if assert.NoError(t, err) {
					c, slot, err := p.Reserve()
					if assert.NoError(t, err) {
						event{uint32(owner), 1}.fill(slot)
						_, err = p.Publish(c)
						assert.NoError(t, err)
					}
				}
				assert.Equal(t, owner, lane.PortOwner(port))
				lane.ReleasePort(port)
			}
		})
	}
	wg.Wait()
	assert.Zero(t, lane.Stats().PortsUsed)
}

func TestRecoveryOfAnIdlePortChangesNothing(t *testing.T) {
	forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
		p := newProducer(t, lane)
		lane.RecoverPort(p.Port())
		require.Zero(t, lane.PortOwner(p.Port()))
		for seq := range uint64(30) {
			p := newProducer(t, lane)
			publish(t, p, event{1, seq})
			reserve(t, p, event{1, 1000}) // lost with its owner
			lane.RecoverPort(p.Port())
			require.NoError(t, lane.Check())
			lane.RecoverPort(p.Port()) // once more
			require.NoError(t, lane.Check())
		}
		require.Equal(t, start+30, lane.Tail())
	})
}

func TestRecoveryAfterOthersHaveLapped(t *testing.T) {
	for _, laps := range []int{0, 1, 2, 5} {
		forStarts(t, geometry(4), func(t *testing.T, lane *ring.Lane, start uint64) {
			dead, other := newProducer(t, lane), newProducer(t, lane)
			publishMany(t, other, 2, 0, 3)
			publish(t, dead, event{1, 0})
			publishMany(t, other, 2, 3, 3+uint64(4*laps))
			lane.RecoverPort(dead.Port())
			require.NoError(t, lane.Check())
			heir := newProducer(t, lane)
			require.Equal(t, dead.Port(), heir.Port())
			publishMany(t, heir, 3, 0, 20)
		})
	}
}

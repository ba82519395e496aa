package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What TestStress asks of goroutines over heap memory, here of processes over a
// mapped file, some of which are killed at any instant:
//
//   - No torn read, checked twice while pinned; one order; exact counts.
//   - Whoever is left goes on, whoever is killed is recovered by its lock byte.
//   - Accepted means published, once, in order; of a killed producer at most one
//     batch more (world.audit).
//   - On a reliable lane a reader that was not evicted misses nothing.
//   - Every slot has its place at the end.
func TestProcessesAreKilledAtAnyInstant(t *testing.T) {
	rounds := 16
	if testing.Short() {
		rounds = 4
	}
	roles := map[int]string{8: "producer", 9: "batch producer", 10: "reader", 11: "sleeper", 12: "joiner", 13: "port changer"}
	for i := range 4 {
		reliable, capacity := i%2 == 1, []int{0, wideCapacity}[i/2]
		t.Run(fmt.Sprintf("reliable=%t/N=%d", reliable, capacity), func(t *testing.T) {
			geo := (&task{Reliable: reliable, Capacity: capacity}).geometry()
			dir := createWorld(t, geo, 1<<36-1000)
			crew := newCrew(t, dir, geo, false)
			children, lives := map[int]*child{}, map[int]int{}
			begin := func(id int) {
				children[id] = start(t, task{Dir: dir, Reliable: reliable, Capacity: capacity, ID: id, Role: roles[id], Life: lives[id]})
				lives[id]++
			}
			for id := range roles {
				begin(id)
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			var killed []int
			for range rounds {
				id := 8 + rng.IntN(len(roles))
				if lives[id] == perID {
					continue // a life has a producer number of its own
				}
				// Until the crowd has published so much, at an instant that nobody chose.
				to := crew.w.published() + 20 + rng.Uint64N(200)
				require.Eventually(t, func() bool {
					crew.traffic()
					return crew.w.published() >= to
				}, patience, time.Millisecond)
				children[id].kill()
				killed = append(killed, id)
				crew.goOn()
				dead, err := crew.w.recover(id)
				require.NoError(t, err)
				require.True(t, dead)
				begin(id)
			}
			for _, c := range children {
				c.expect("went on", crew.traffic)
			}
			for _, c := range children {
				c.stop()
			}
			crew.end(killed...)
		})
	}
}

// A window stays what it was while the others go on for many laps, and when its
// reader dies they still do.
func TestAWindowInAnotherProcessStaysIntact(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("reliable=%t/killed=%t", reliable, killed), func(t *testing.T) {
				geo := worldGeometry(reliable)
				dir := createWorld(t, geo, 0)
				crew := newCrew(t, dir, geo, false)
				c := start(t, task{Dir: dir, Reliable: reliable, ID: childID, Role: "pinner"})
				c.expect("pinned", crew.traffic)
				require.Equal(t, worldWindow, crew.w.lane.Cursor(childID).Pinned)
				crew.goOn()
				if reliable {
					assert.False(t, crew.w.lane.Cursor(childID).Gated, "it was evicted")
				}
				require.Equal(t, worldWindow, crew.w.lane.Cursor(childID).Pinned)
				if !killed {
					c.stop()
					crew.end()
					return
				}
				alive, err := crew.w.recover(childID)
				require.NoError(t, err)
				require.False(t, alive, "it lives, and nobody may recover it")
				c.kill()
				crew.goOn()
				dead, err := crew.w.recover(childID)
				require.NoError(t, err)
				require.True(t, dead)
				require.Zero(t, crew.w.lane.Cursor(childID).Pinned)
				crew.goOn()
				crew.end(childID)
			})
		}
	}
}

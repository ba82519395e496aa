package torture

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steps are all steps of a plan.
func steps(p *plan) (all []step) {
	for {
		s, ok := p.next()
		if !ok {
			return all
		}
		all = append(all, s)
	}
}

// A plan follows from its seed: the same one makes the same plan, step by step,
// and another one another.
func TestPlanFollowsFromItsSeed(t *testing.T) {
	a, b, c := newPlan(7, time.Minute), newPlan(7, time.Minute), newPlan(8, time.Minute)
	assert.Equal(t, steps(a), steps(b))
	assert.Equal(t, a.sum.Sum64(), b.sum.Sum64())
	assert.NotEmpty(t, steps(c))
	assert.NotEqual(t, a.sum.Sum64(), c.sum.Sum64())
	var first, second bytes.Buffer
	require.NoError(t, newPlan(7, time.Minute).print(&first))
	require.NoError(t, newPlan(7, time.Minute).print(&second))
	assert.Equal(t, first.String(), second.String())
}

// A shorter plan is the begin of a longer one, so that a failure is come to sooner
// by asking for no more than it takes.
func TestShorterPlanIsTheBegin(t *testing.T) {
	short, long := steps(newPlan(7, time.Minute)), steps(newPlan(7, 3*time.Minute))
	require.Greater(t, len(long), len(short))
	assert.Equal(t, short, long[:len(short)])
}

// Ten minutes are worth 10,000 kills and 2,000 freezes, short ones and such as are
// longer than any patience, and every place has its share.
func TestTenMinutesAreEnough(t *testing.T) {
	for seed := range uint64(5) {
		kills, freezes, long, quiets := 0, 0, 0, 0
		at := map[int]int{}
		for _, s := range steps(newPlan(seed, 10*time.Minute)) {
			switch s.Do {
			case doKill:
				kills++
				at[s.Place]++
			case doFreeze:
				freezes++
				if s.For >= evictAfter {
					long++
				}
			case doQuiet:
				quiets++
			}
			if s.Kill {
				kills++
			}
		}
		assert.Greater(t, kills, 12_000)
		assert.Greater(t, freezes, 3_000)
		assert.Greater(t, long, 500)
		assert.Greater(t, quiets, 50)
		assert.Len(t, at, taken)
	}
}

// Nobody is frozen that is frozen, and lives follow one another.
func TestPlanMakesSense(t *testing.T) {
	var until [places]time.Duration
	var lives [places]uint64
	var at time.Duration
	for _, s := range steps(newPlan(3, 2*time.Minute)) {
		require.GreaterOrEqual(t, s.At, at)
		at = s.At
		if s.Do == doQuiet {
			continue
		}
		require.LessOrEqual(t, until[s.Place], s.At)
		until[s.Place] = s.At + s.For
		if s.Next == nil {
			require.Equal(t, doFreeze, s.Do)
			continue
		}
		lives[s.Place]++
		require.Equal(t, lives[s.Place], s.Next.Life)
		require.Equal(t, s.Place, s.Next.Place)
	}
}

// A soak restarts processes of every second place alone.
func TestSoakKeepsHalfOfItsProcesses(t *testing.T) {
	p := newPlan(1, time.Hour)
	p.soaking = true
	restarts := 0
	for _, s := range steps(p) {
		if s.Do == doKill || s.Do == doLeave {
			restarts++
			assert.False(t, stays(s.Place))
		}
		assert.NotEqual(t, doFreeze, s.Do)
	}
	assert.Greater(t, restarts, 200)
}

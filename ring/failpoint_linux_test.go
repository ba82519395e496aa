//go:build failpoint

package ring_test

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// The failpoint test kills and freezes a real process at every step of the
// protocol, and holds the others to:
//
//   - They go on publishing and receiving for many laps.
//   - Whoever takes the lock byte of the dead recovers it, also when a first
//     recoverer is killed in the middle.
//   - The frozen one, let go, finishes what it was about to do without harm to
//     anybody, finds what it had pinned or filled as it was, and goes on.
//   - At the end every slot has its place and every event is accounted for
//     (world.audit).

// scene says who passes a step and what it takes.
type scene struct {
	role     string
	policies []bool // reliable or not; both if empty
	capacity int    // of the lane; 8 if zero
	holder   bool   // somebody waits to be evicted
	quiet    bool   // nobody else publishes until the child is at its step
	// Another process that is dead before the child begins.
	victim     string
	victimStep failpoint.Step
	victimHit  int64
	lapped     bool // others publish many laps in between
	once       bool // nobody comes to this step five times
}

var (
	both         = []bool{false, true}
	onlyReliable = []bool{true}

	// A crowd of producers, dead after their exchange or before it.
	won  = scene{role: "recoverer", quiet: true, victim: "five producers", victimStep: "producer/book-cell", victimHit: 5}
	open = scene{role: "recoverer", victim: "five producers", victimStep: "producer/exchange", victimHit: 5}
	// The same, after the entries have been displaced.
	helped = scene{role: "recoverer", victim: "five producers", victimStep: "producer/book-cell", victimHit: 5, lapped: true}
)

// scenes are by step; each step of the protocol needs one.
var scenes = map[failpoint.Step]scene{
	"producer/scan":       {role: "producer"},
	"producer/fill":       {role: "producer"},
	"producer/load-tail":  {role: "producer"},
	"producer/load-entry": {role: "batch producer"},
	// A batch that was published, and no word of it in the tail.
	"producer/help-tail":    {role: "producer", once: true, quiet: true, capacity: 64, victim: "batch producer", victimStep: "producer/move-tail", victimHit: 1},
	"producer/help-intent":  {role: "producer"},
	"producer/store-intent": {role: "producer"},
	"producer/exchange":     {role: "batch producer"},
	"producer/book-cell":    {role: "batch producer"},
	"producer/move-tail":    {role: "batch producer"},
	"producer/published":    {role: "producer"},
	"producer/batch-next":   {role: "batch producer"},
	"producer/want-room":    {role: "producer", policies: onlyReliable},
	"producer/room-wait":    {role: "batch producer", policies: onlyReliable},
	"producer/port-claimed": {role: "port changer"},
	"producer/port-release": {role: "port changer"},
	"producer/evict":        {role: "evictor", policies: onlyReliable, holder: true},

	"joiner/reserve":         {role: "joiner"},
	"joiner/sum-up":          {role: "joiner"},
	"joiner/raise-high":      {role: "joiner"},
	"joiner/store-cursor":    {role: "joiner"},
	"joiner/bump-generation": {role: "joiner"},
	"joiner/reread-tail":     {role: "joiner"},
	"joiner/store-owed":      {role: "joiner"},
	"joiner/clear-hold":      {role: "joiner"},
	"joiner/joined":          {role: "joiner"},

	"reader/look":            {role: "reader"},
	"reader/pin":             {role: "reader"},
	"reader/read":            {role: "reader"},
	"reader/move-cursor":     {role: "reader"},
	"reader/clear-owed":      {role: "joiner"},
	"reader/room-wake":       {role: "reader", policies: onlyReliable},
	"reader/leave":           {role: "joiner"},
	"reader/store-hold":      {role: "joiner"},
	"reader/bump-generation": {role: "joiner"},

	"recoverer/load-intent":   helped,
	"recoverer/load-entry":    won,
	"recoverer/reread-intent": open,
	"recoverer/store-cell":    helped,
	"recoverer/clear-intent":  won,
	"recoverer/free-port":     open,
	"recoverer/clear-cursor":  {role: "recoverer", victim: "five readers", victimStep: "reader/read", victimHit: 5},

	"sleeper/arm":          {role: "sleeper"},
	"sleeper/wait":         {role: "sleeper"},
	"waker/clear-interest": {role: "producer"},
	"waker/count":          {role: "batch producer"},
	"waker/wake":           {role: "producer"},
}

// hits are how often a child comes to its step until it dies or freezes there.
var hits = []int64{1, 5}

// middles are where the first recoverer is killed, in turn.
var middles = []failpoint.Step{
	"recoverer/load-intent", "recoverer/clear-cursor", "recoverer/store-cell", "recoverer/clear-intent", "recoverer/free-port",
}

func TestEveryStepIsSurvived(t *testing.T) {
	steps := ring.Steps()
	require.Len(t, scenes, len(steps), "each step has its scene, and each scene its step")
	for _, s := range steps {
		require.Contains(t, scenes, s)
	}
	var mu sync.Mutex
	survived := map[bool]map[failpoint.Step]int{false: {}, true: {}}
	t.Run("steps", func(t *testing.T) {
		for i, step := range steps {
			sc := scenes[step]
			if sc.policies == nil {
				sc.policies = both
			}
			for k, hit := range hits {
				if sc.once && hit > 1 {
					continue
				}
				for l, reliable := range sc.policies {
					if testing.Short() && (i+k+l)%len(hits) != 0 {
						continue
					}
					for _, freeze := range []bool{false, true} {
						tk := task{
							Reliable: reliable, Capacity: sc.capacity, ID: childID, Role: sc.role, Hurry: sc.quiet,
							Step: step, Hit: hit, Freeze: freeze,
						}
						t.Run(fmt.Sprintf("%s/hit=%d/reliable=%t/freeze=%t", step, hit, reliable, freeze), func(t *testing.T) {
							t.Parallel()
							play(t, sc, tk, middles[(i+k+l)%len(middles)])
							mu.Lock()
							defer mu.Unlock()
							survived[freeze][step]++
						})
					}
				}
			}
		}
	})
	for _, s := range steps {
		t.Logf("%-24s killed %d times, frozen %d times", s, survived[false][s], survived[true][s])
	}
	t.Logf("%d steps, killed %d, frozen %d, survived all: %t",
		len(steps), len(survived[false]), len(survived[true]), !t.Failed())
	assert.Len(t, survived[false], len(steps), "steps at which a process was killed")
	assert.Len(t, survived[true], len(steps), "steps at which a process was frozen")
}

// play runs one scene.
func play(t *testing.T, sc scene, tk task, middle failpoint.Step) {
	geo := tk.geometry()
	froms := starts(geo.Capacity)
	dir := createWorld(t, geo, froms[len(tk.Step)%len(froms)])
	tk.Dir = dir
	crew := newCrew(t, dir, geo, sc.holder)

	var killed []int
	if sc.victim != "" {
		victim := startAt(t, crew, task{
			Dir: dir, Reliable: tk.Reliable, Capacity: sc.capacity, ID: victimID, Role: sc.victim, Hurry: sc.victim != "five readers", Step: sc.victimStep, Hit: sc.victimHit,
		})
		victim.awaitKilled()
		killed = append(killed, victimID)
		if sc.lapped {
			crew.goOn()
		}
		tk.Targets = []int{victimID}
	}

	c := startAt(t, crew, tk)
	if tk.Freeze {
		c.awaitFrozen()
		crew.goOn()
		if alive, err := crew.w.region.Locked(childID); assert.NoError(t, err) {
			assert.True(t, alive, "frozen is not dead")
		}
		c.thaw()
		c.expect("went on", crew.traffic)
		c.stop()
	} else {
		c.awaitKilled()
		killed = append(killed, childID)
		crew.goOn()
		// A first recoverer is killed in the middle, if it comes to that.
		helper := start(t, task{
			Dir: dir, Reliable: tk.Reliable, Capacity: sc.capacity,
			ID: helperID, Role: "recoverer", Targets: killed, Step: middle, Hit: 1,
		})
		if helper.expectOneOf("at", "recovered") == "at" {
			helper.awaitKilled()
			killed = append(killed, helperID)
			crew.goOn()
		} else {
			helper.stop()
		}
	}
	for _, id := range killed {
		dead, err := crew.w.recover(id)
		require.NoError(t, err)
		require.True(t, dead, "participant %d", id)
	}
	crew.goOn()
	crew.end(killed...)
}

// startAt starts a child and waits until it is at its step.
func startAt(t *testing.T, crew *crew, tk task) *child {
	t.Helper()
	c := start(t, tk)
	meanwhile := crew.traffic
	if tk.Hurry { // the world is to stay as it is until then
		meanwhile = func() {}
	}
	c.expect("at", meanwhile)
	return c
}

// Every step has a name that tells who passes it.
func TestStepsAreNamedByRole(t *testing.T) {
	var names []string
	for _, s := range ring.Steps() {
		role, _, ok := strings.Cut(string(s), "/")
		require.True(t, ok, s)
		require.Contains(t, []string{"producer", "joiner", "reader", "recoverer", "sleeper", "waker"}, role)
		names = append(names, string(s))
	}
	sort.Strings(names)
	for i := 1; i < len(names); i++ {
		require.NotEqual(t, names[i-1], names[i])
	}
	require.True(t, failpoint.Enabled)
}

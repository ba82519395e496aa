//go:build failpoint

package bus_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// endsAt runs f in a goroutine that ends at step when it comes there for the nth
// time, and reports whether it did.
func endsAt(step failpoint.Step, n int64, f func()) bool {
	var hits atomic.Int64
	ended := make(chan bool, 1)
	failpoint.Set(func(s failpoint.Step) {
		if s == step && hits.Add(1) == n {
			ended <- true
			runtime.Goexit()
		}
	})
	defer failpoint.Set(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
		ended <- false
	}()
	<-done
	return <-ended
}

// Recovery of a participant ends anywhere, and whoever is next starts it over:
// nothing is given back twice, and nothing is left.
func TestRecoveryOfAParticipantIsStartedOver(t *testing.T) {
	var steps []failpoint.Step
	for _, s := range append(bus.Steps(), ring.Steps()...) {
		if strings.HasPrefix(string(s), "recover") || s == "subscription/leave" || s == "subscription/store-since" {
			steps = append(steps, s)
		}
	}
	for _, step := range steps {
		reached := int64(0)
		for hit := int64(1); recoveryEndsAt(t, step, hit); hit++ {
			reached = hit
		}
		switch step {
		case "recoverer/reread-intent", "recoverer/store-cell": // of exchanges that were under way
		default:
			assert.Positivef(t, reached, "step %s is not reached", step)
		}
	}
}

func recoveryEndsAt(t *testing.T, step failpoint.Step, hit int64) bool {
	t.Helper()
	c := newCrew(t, bus.Options{Geometry: small()})
	defer func() { require.NoError(t, c.b.Close()) }()
	_ = newPub[tick](t, c.b, nil)
	victim := start(t, "doomed", c.o, "victim", "type/publish", "kill", "1")
	require.Empty(t, victim.hear(), "the victim ends within its draft")
	victim.kill()
	if !endsAt(step, hit, func() { assert.NoError(t, c.b.RecoverDead()) }) {
		return false
	}
	nothingLeft(t, c, fmt.Sprintf("%s, hit %d", step, hit))
	return true
}

//go:build failpoint

package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/ring"
)

// beginPublish publishes events of producer 1 until its goroutine dies.
func beginPublish(p *ring.Producer, batch int) func() {
	return func() {
		for seq := uint64(0); seq < 100; {
			var cells []int
			for range batch {
				c, slot, err := p.Reserve()
				if err != nil {
					return
				}
				event{1, seq}.fill(slot)
				cells = append(cells, c)
				seq++
			}
			if _, _, err := p.PublishBatch(cells); err != nil {
				return
			}
		}
	}
}

// A producer dies at each step; the others go on for some laps or none; its
// recovery dies at each step, and is started over after some laps or none.
func TestRecoveryIsStartedOver(t *testing.T) {
	died := map[failpoint.Step]bool{}
	for _, step := range stepsOf("producer") {
		for _, hit := range []int64{1, 4} {
			for _, recoverStep := range stepsOf("recoverer") {
				for laps := range uint64(9) {
					before, after := 4*(laps/3), 4*(laps%3)
					lane := newLane(t, geometry(4), 1<<36-3)
					p, other := newProducer(t, lane), newProducer(t, lane)
					publishMany(t, other, 2, 0, 6) // entries of others to displace
					if !dies(step, hit, beginPublish(p, 2)) {
						continue // steps of full lanes, and of ports
					}
					died[step] = true
					name := fmt.Sprintf("%s/%d, %d events, %s, %d events", step, hit, before, recoverStep, after)
					publishMany(t, other, 2, 6, 6+before)
					dies(recoverStep, 1, func() { lane.RecoverPort(p.Port()) })
					publishMany(t, other, 2, 6+before, 6+before+after)
					lane.RecoverPort(p.Port())
					require.NoError(t, lane.Check(), name)
					heir := newProducer(t, lane)
					publishMany(t, heir, 3, 0, 20)
					require.NoError(t, lane.Check(), name)
				}
			}
		}
	}
	for _, step := range stepsOf("producer")[:12] {
		require.True(t, died[step] || step == "producer/help-tail", "nobody died at %s", step)
	}
}

// Others displace the entry of a dead producer while its recovery looks.
func TestTheEntryIsDisplacedDuringRecovery(t *testing.T) {
	for _, step := range []failpoint.Step{"recoverer/load-intent", "recoverer/load-entry"} {
		for events := uint64(1); events < 13; events++ {
			lane := newLane(t, geometry(4), 0)
			p, other := newProducer(t, lane), newProducer(t, lane)
			require.True(t, dies("producer/book-cell", 1, beginPublish(p, 1)))
			during(t, step, func() { publishMany(t, other, 2, 0, events) })
			lane.RecoverPort(p.Port())
			require.NoError(t, lane.Check(), "%s, %d events", step, events)
		}
	}
}

// Whoever displaces the entry of a dead producer dies itself right after.
func TestWhoeverHelpsDiesToo(t *testing.T) {
	died := 0
	for _, step := range stepsOf("producer") {
		for _, helperFirst := range []bool{false, true} {
			lane := newLane(t, geometry(4), 0)
			p, helper, third := newProducer(t, lane), newProducer(t, lane), newProducer(t, lane)
			require.True(t, dies("producer/book-cell", 1, beginPublish(p, 1)))
			publishMany(t, third, 3, 0, 3) // the next event displaces the entry of the dead
			if !dies(step, 1, beginPublish(helper, 1)) {
				lane.RecoverPort(p.Port())
				continue // steps of full lanes, and of ports
			}
			died++
			publishMany(t, third, 3, 3, 12)
			ports := []int{p.Port(), helper.Port()}
			if helperFirst {
				ports[0], ports[1] = ports[1], ports[0]
			}
			for _, port := range ports {
				lane.RecoverPort(port)
			}
			require.NoError(t, lane.Check(), step)
		}
	}
	require.Equal(t, 2*11, died, "steps of a publish without help for the tail, with a batch")
}

// A producer dies before its exchange; another one wins the position, and later
// its entry is displaced. Nobody may take the dead one for the winner.
func TestThePositionOfTheDeadWasWonByAnother(t *testing.T) {
	for events := range uint64(13) {
		lane := newLane(t, geometry(4), 0)
		p, winner, third := newProducer(t, lane), newProducer(t, lane), newProducer(t, lane)
		require.True(t, dies("producer/exchange", 1, beginPublish(p, 1)))
		publish(t, winner, event{2, 0})
		publishMany(t, third, 3, 0, events)
		lane.RecoverPort(p.Port())
		require.NoError(t, lane.Check(), "%d events", events)
	}
}

// The slot that a dead producer displaced may be pinned; its heir must find that
// out for itself.
func TestTheHeirRespectsPinsOnWhatTheDeadDisplaced(t *testing.T) {
	for _, step := range []failpoint.Step{"producer/book-cell", "producer/move-tail", "producer/published"} {
		lane := newLane(t, geometry(4), 0)
		other, r := newProducer(t, lane), newReader(t, lane, 0, 2)
		r.Join()
		publishMany(t, other, 2, 0, 4)
		poll(t, r, 2, 2, 0)
		p := newProducer(t, lane)
		require.True(t, dies(step, 1, beginPublish(p, 1)))
		lane.RecoverPort(p.Port())
		heir := newProducer(t, lane)
		require.Equal(t, p.Port(), heir.Port())
		for seq := range uint64(40) {
			publish(t, heir, event{3, seq})
			requireEvent(t, r, 0, event{2, 0}, 0)
			requireEvent(t, r, 1, event{2, 1}, 1)
		}
	}
}

// A waker that dies between its exchange and its wake leaves a bell that the
// next one rings.
func TestABellOutlivesItsWaker(t *testing.T) {
	for _, step := range stepsOf("waker") {
		bell := newBell(&ring.LocalParker{})
		bell.Arm(1)
		require.True(t, dies(step, 1, func() { bell.Ring(1) }))
		ticket := bell.Arm(1)
		bell.Ring(1)
		done := make(chan error, 1)
		go func() { done <- bell.Sleep(ticket, 1, 0, never) }()
		within(t, "the sleeper wakes", done)
	}
}

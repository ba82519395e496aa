//go:build failpoint

package ring_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/failpoint"
)

// A reader that has pinned ahead looks at an event just before it is displaced.
// The producer has scanned before; it finds the pin only if it scans again.
func TestAReaderPinnedAheadLooksJustBeforeItsEventIsDisplaced(t *testing.T) {
	for _, step := range []failpoint.Step{"producer/load-entry", "producer/store-intent", "producer/exchange", "producer/book-cell"} {
		for warm := range uint64(4) {
			for polled := range 3 {
				t.Run(fmt.Sprintf("%s/%d/%d", step, warm, polled), func(t *testing.T) {
					lane := newLane(t, geometry(4), 0)
					p, r := newProducer(t, lane), newReader(t, lane, 0, 4)
					publishMany(t, p, 1, 0, 20+warm)
					r.Join()
					poll(t, r, 4, 0, 0)
					publishMany(t, p, 1, 20+warm, 24+warm)
					var held int
					during(t, step, func() {
						for range polled + 1 {
							var err error
							held, _, err = r.Poll(2)
							require.NoError(t, err)
						}
					})
					first := uint64(0)
					for seq := 24 + warm; seq < 60; seq++ {
						publish(t, p, event{1, seq})
						for k := range held {
							_, pos := r.Slot(k)
							requireEvent(t, r, k, event{1, pos}, pos)
							if k == 0 && first == 0 {
								first = pos
							}
							require.Equal(t, first+uint64(k), pos)
						}
					}
				})
			}
		}
	}
}

// The lane goes on, by some events or laps, while a reader is about to look at what
// it has pinned ahead of them.
func TestTheLaneLapsAReaderThatHasPinnedAhead(t *testing.T) {
	for _, capacity := range []int{2, 4, 16} {
		for _, window := range []int{1, 2, 4, 16} {
			for events := uint64(1); events < uint64(3*capacity+2); events++ {
				geo := geometry(capacity)
				geo.Pins = 16
				lane := newLane(t, geo, 100)
				p, r := newProducer(t, lane), newReader(t, lane, 0, window)
				r.Join()
				poll(t, r, 1, 0, 0)
				publishMany(t, p, 1, 0, 1)
				for range 3 {
					seq := lane.Tail() - 100
					ran := false
					failpoint.Set(func(s failpoint.Step) {
						if s == "reader/look" && !ran {
							ran = true
							publishMany(t, p, 1, seq, seq+events)
						}
					})
					requireWhole(t, r, 100)
					failpoint.Set(nil)
					require.True(t, ran)
					require.Equal(t, 100+seq+events, r.Position())
					require.Equal(t, r.Position(), lane.Cursor(0).Position, "who has read all holds nothing back")
				}
			}
		}
	}
}

// What a producer remembers is displaced while it is anywhere in its publish, by
// as many events as lie in its line, and more.
func TestWhatAProducerRemembersIsDisplaced(t *testing.T) {
	for _, capacity := range []int{2, 4, 16} {
		for _, step := range []failpoint.Step{"producer/load-entry", "producer/store-intent", "producer/exchange", "producer/published"} {
			for events := uint64(1); events < uint64(2*capacity+2); events++ {
				for warm := range uint64(4) {
					lane := newLane(t, geometry(capacity), 1<<36-3)
					p, q, r := newProducer(t, lane), newProducer(t, lane), newReader(t, lane, 0, 1)
					publishMany(t, q, 2, 0, warm)
					publish(t, p, event{1, 0}) // remembers the line
					r.Join()
					during(t, step, func() { publishMany(t, q, 2, warm, warm+events) })
					publish(t, p, event{1, 1})
					publishMany(t, q, 2, warm+events, warm+events+1)
					publish(t, p, event{1, 2})
					require.Equal(t, uint64(1<<36-3)+warm+events+4, lane.Tail())
					require.NoError(t, lane.Check())
				}
			}
		}
	}
}

// diesBehind lets others work while f, a publish, has loaded the tail and no more,
// and f die at step. It reports whether it came to that.
func diesBehind(step failpoint.Step, others, f func()) bool {
	dead := make(chan bool, 1)
	failpoint.Set(func(s failpoint.Step) {
		if s != "producer/load-entry" {
			return
		}
		failpoint.Set(nil)
		others()
		failpoint.Set(func(s failpoint.Step) {
			if s == step {
				failpoint.Set(nil)
				dead <- true
				runtime.Goexit()
			}
		})
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
		dead <- false
	}()
	<-ended
	failpoint.Set(nil)
	return <-dead
}

// A producer dies with an intent for an entry that it remembered and that others
// had displaced; recovery must not take it for an exchange.
func TestAProducerDiesWithWhatItRemembered(t *testing.T) {
	for _, capacity := range []int{2, 4, 16} {
		for _, step := range []failpoint.Step{"producer/store-intent", "producer/exchange", "producer/book-cell", "producer/published"} {
			for before := range uint64(2*capacity + 1) {
				for after := range uint64(2*capacity + 1) {
					lane := newLane(t, geometry(capacity), 1<<36-3)
					p, q := newProducer(t, lane), newProducer(t, lane)
					publishMany(t, q, 2, 0, 3)
					publish(t, p, event{1, 0})
					c := reserve(t, p, event{1, 1})
					require.True(t, diesBehind(step, func() { publishMany(t, q, 2, 3, 3+before) }, func() { _, _ = p.Publish(c) }))
					publishMany(t, q, 2, 3+before, 3+before+after)
					lane.RecoverPort(p.Port())
					require.NoError(t, lane.Check(), "%s, %d before, %d after", step, before, after)
					publishMany(t, newProducer(t, lane), 3, 0, 20)
					publishMany(t, q, 2, 3+before+after, 30+before+after)
				}
			}
		}
	}
}

package bus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// seqs receives what is there, and returns the numbers of the ticks.
func seqs(t testing.TB, s *bus.Subscriber[tick]) (all []int) {
	t.Helper()
	_, err := s.TryViewBatch(1000, func(v *tick, _ *bus.Event) error {
		all = append(all, int(v.Seq))
		return nil
	})
	if err != nil {
		require.ErrorIs(t, err, bus.ErrEmpty)
	}
	return all
}

// holding tests how far publishers get ahead of a durable subscription that no
// process has.
func holding(t *testing.T, o bus.SubscribeOptions, f func(t *testing.T, b *bus.Bus, pub *bus.Publisher[tick])) {
	t.Helper()
	withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
		leave(t, b, o)
		f(t, b, newPub[tick](t, b, nil))
	})
}

var subscribeEffects = effects{
	"Name": func(t *testing.T) {
		withOptions(t, bus.Options{Process: "sipd"}, func(t *testing.T, b *bus.Bus) {
			newSub[tick](t, b, &bus.SubscribeOptions{Name: "mine"})
			newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing"})
			newSub[tick](t, b, nil)
			for _, name := range []string{"mine", "billing", "sipd"} {
				row(t, b, name, bus.Normal)
			}
		})
	},
	"Durable": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[tick](t, b, nil)
			for durable, got := range map[string][]int{"billing": {0, 1, 2}, "": nil} {
				o := &bus.SubscribeOptions{Durable: durable}
				require.NoError(t, newSub[tick](t, b, o).Close())
				publishTicks(t, pub, 0, 3)
				sub := newSub[tick](t, b, o)
				assert.Equal(t, got, seqs(t, sub))
				require.NoError(t, sub.Remove())
			}
		})
	},
	"HoldEvents": func(t *testing.T) {
		for events, room := range map[uint64]int{0: capacity, 10: 10} {
			holding(t, bus.SubscribeOptions{HoldEvents: events, HoldPolicy: bus.HoldBlock},
				func(t *testing.T, _ *bus.Bus, pub *bus.Publisher[tick]) { assert.Equal(t, room, fill(t, pub, 0)) })
		}
	},
	"HoldFor": func(t *testing.T) {
		// The lane itself evicts nobody, as small has it.
		for hold, evicted := range map[time.Duration]bool{0: false, time.Microsecond: true} {
			holding(t, bus.SubscribeOptions{HoldFor: hold}, func(t *testing.T, b *bus.Bus, pub *bus.Publisher[tick]) {
				if !evicted {
					assert.Equal(t, capacity, fill(t, pub, 0))
					return
				}
				flood(t, pub, 0, 2*capacity)
				assert.True(t, row(t, b, "billing", bus.Normal).Evicted)
			})
		}
	},
	"HoldPolicy": func(t *testing.T) {
		for policy, blocks := range map[bus.HoldPolicy]bool{bus.HoldBlock: true, bus.HoldEvict: false} {
			holding(t, bus.SubscribeOptions{HoldEvents: 5, HoldPolicy: policy}, func(t *testing.T, b *bus.Bus, pub *bus.Publisher[tick]) {
				publishTicks(t, pub, 0, 5)
				err := pub.TryPublish(&tick{Seq: 5})
				if blocks {
					assert.ErrorIs(t, err, bus.ErrFull)
				} else {
					assert.NoError(t, err)
				}
				assert.Equal(t, !blocks, row(t, b, "billing", bus.Normal).Evicted)
			})
		}
	},
	"Group": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[tick](t, b, nil)
			for group, each := range map[string]int{"": 2, "workers": 1} {
				o := &bus.SubscribeOptions{Group: group, Window: 2}
				one, two := newSub[tick](t, b, o), newSub[tick](t, b, o)
				publishTicks(t, pub, 0, 6)
				n := 0
				require.Eventually(t, func() bool {
					n += len(seqs(t, one)) + len(seqs(t, two))
					return n >= 6*each
				}, patience, often)
				assert.Equal(t, 6*each, n)
				require.NoError(t, one.Close())
				require.NoError(t, two.Close())
			}
		})
	},
	"Types": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			ticks, calls := newPub[tick](t, b, nil), newPub[call](t, b, nil)
			some, err := b.Subscribe(&bus.SubscribeOptions{Types: []bus.TypeID{calls.Type()}})
			require.NoError(t, err)
			all, err := b.Subscribe(nil)
			require.NoError(t, err)
			publishTicks(t, ticks, 0, 2)
			require.NoError(t, calls.TryPublish(&call{}))
			for sub, n := range map[*bus.Subscription]int{some: 1, all: 3} {
				got, err := sub.TryViewBatch(10, func(*bus.Event) error { return nil })
				require.NoError(t, err)
				assert.Equal(t, n, got)
			}
		})
	},
	"Filter": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			some := newSub[tick](t, b, &bus.SubscribeOptions{Filter: bus.MatchValue(func(v *tick) bool { return v.Seq%2 == 1 })})
			all := newSub[tick](t, b, nil)
			publishTicks(t, newPub[tick](t, b, nil), 0, 4)
			assert.Equal(t, []int{1, 3}, seqs(t, some))
			assert.Equal(t, []int{0, 1, 2, 3}, seqs(t, all))
		})
	},
	"Type": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			o := bus.TypeOptions{Name: "another"}
			sub, plain := newSub[tick](t, b, &bus.SubscribeOptions{Type: o}), newSub[tick](t, b, nil)
			publishTicks(t, newPub[tick](t, b, &bus.PublisherOptions{Type: o}), 0, 2)
			assert.Equal(t, []int{0, 1}, seqs(t, sub))
			assert.Empty(t, seqs(t, plain))
		})
	},
	"Priorities": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			some := newSub[memo](t, b, &bus.SubscribeOptions{Priorities: []bus.Priority{bus.Normal, bus.Low}})
			all := newSub[memo](t, b, nil)
			pub := newPub[memo](t, b, nil)
			for i, p := range []bus.Priority{bus.Low, bus.Critical, bus.Normal} {
				require.NoError(t, pub.TryPublishWith(&memo{uint64(i)}, at(p)))
			}
			assert.Equal(t, []string{"normal 2", "low 0"}, memos(t, some, 2))
			assert.Equal(t, []string{"critical 1", "normal 2", "low 0"}, memos(t, all, 3))
		})
	},
	"Start": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[tick](t, b, nil)
			publishTicks(t, pub, 0, 2)
			oldest, newest := newSub[tick](t, b, &bus.SubscribeOptions{Start: bus.StartOldest}), newSub[tick](t, b, nil)
			publishTicks(t, pub, 2, 3)
			assert.Equal(t, []int{0, 1, 2}, seqs(t, oldest))
			assert.Equal(t, []int{2}, seqs(t, newest))
		})
	},
	"Position": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			publishTicks(t, newPub[tick](t, b, nil), 0, 5)
			assert.Equal(t, []int{3, 4}, seqs(t, newSub[tick](t, b, &bus.SubscribeOptions{Start: bus.StartPosition, Position: 3})))
			assert.Equal(t, []int{0, 1, 2, 3, 4}, seqs(t, newSub[tick](t, b, &bus.SubscribeOptions{Start: bus.StartPosition})))
		})
	},
	"Positions": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[memo](t, b, nil)
			from := map[bus.LaneID]uint64{}
			for i, p := range []bus.Priority{bus.Critical, bus.Normal, bus.Low} {
				from[bus.LaneID{Priority: p}] = uint64(i)
				for seq := range uint64(3) {
					require.NoError(t, pub.TryPublishWith(&memo{seq}, at(p)))
				}
			}
			sub := newSub[memo](t, b, &bus.SubscribeOptions{Start: bus.StartPosition, Positions: from})
			assert.Equal(t, []string{"critical 0", "critical 1", "critical 2", "normal 1", "normal 2", "low 2"}, memos(t, sub, 6))
		})
	},
	"OnLag": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[crumb](t, b, nil)
			for onLag, held := range map[bus.Resume]bool{bus.ResumeOldest: true, bus.ResumeNewest: false} {
				sub := newSub[crumb](t, b, &bus.SubscribeOptions{OnLag: onLag})
				publishCrumbs(t, pub, 0, 2*capacity)
				_, err := sub.TryReceive()
				require.ErrorIs(t, err, bus.ErrLag)
				_, err = sub.TryReceive()
				assert.Equal(t, held, err == nil, "what the lane still has")
			}
		})
	},
	"Window": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			for asked, got := range map[int]int{3: 3, 0: 16} {
				sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: asked})
				_, lanes, _ := snapshot(t, b)
				assert.Equal(t, got, lanes["normal"].PinsUsed)
				require.NoError(t, sub.Close())
			}
		})
	},
	"Starve": func(t *testing.T) {
		geo := small()
		geo.Critical.Capacity = 256
		withOptions(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
			pub := newPub[memo](t, b, nil)
			for asked, got := range map[int]int{5: 5, 0: 64} {
				sub := newSub[memo](t, b, &bus.SubscribeOptions{Starve: asked})
				require.NoError(t, pub.TryPublishWith(&memo{}, at(bus.Low)))
				for range 100 {
					require.NoError(t, pub.TryPublishWith(&memo{}, at(bus.Critical)))
				}
				first := 0
				for m, err := sub.TryReceive(); m.Priority != bus.Low; m, err = sub.TryReceive() {
					require.NoError(t, err)
					first++
				}
				assert.Equal(t, got, first, "events before the one of Low")
				require.NoError(t, sub.Close())
			}
		})
	},
	"Wait": func(t *testing.T) {
		waitEffect(t, func(w bus.Wait) (bus.Options, bus.SubscribeOptions) {
			return bus.Options{Wait: bus.WaitPark}, bus.SubscribeOptions{Wait: w}
		})
	},
	"Timeout": func(t *testing.T) {
		withOptions(t, bus.Options{}, func(t *testing.T, b *bus.Bus) {
			_, err := newSub[tick](t, b, &bus.SubscribeOptions{Timeout: time.Millisecond}).Receive(background())
			assert.ErrorIs(t, err, bus.ErrTimeout)
			noTimeout(t, b)
		})
		withOptions(t, bus.Options{Timeout: time.Millisecond}, func(t *testing.T, b *bus.Bus) {
			idle(t, b, &bus.SubscribeOptions{Timeout: -1}, aWhile())
		})
	},
}

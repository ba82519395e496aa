package bus_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// looper is an iterator as a sequence of what a tick counts.
type looper func(context.Context) iter.Seq2[uint64, error]

// loops are all the iterators.
func loops(s *bus.Subscriber[tick]) map[string]looper {
	return map[string]looper{
		"Events": func(ctx context.Context) iter.Seq2[uint64, error] {
			return counted(s.Raw().Events(ctx), func(e *bus.Event) uint64 {
				v, ok := bus.As[tick](e)
				if !ok {
					return 1 << 40
				}
				return v.Seq
			})
		},
		"RawMessages": func(ctx context.Context) iter.Seq2[uint64, error] {
			return counted(s.Raw().Messages(ctx), func(m bus.RawMessage) uint64 { return uint64(m.Value[0]) })
		},
		"Values": func(ctx context.Context) iter.Seq2[uint64, error] {
			return counted(s.Values(ctx), func(v *tick) uint64 { return v.Seq })
		},
		"Messages": func(ctx context.Context) iter.Seq2[uint64, error] {
			return counted(s.Messages(ctx), func(m bus.Message[tick]) uint64 { return m.Value.Seq })
		},
	}
}

func counted[E any](seq iter.Seq2[E, error], seqOf func(E) uint64) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for e, err := range seq {
			n := uint64(0)
			if err == nil {
				n = seqOf(e)
			}
			if !yield(n, err) {
				return
			}
		}
	}
}

// eachLoop runs a test with each iterator, on a subscription of its own.
func eachLoop(t *testing.T, o *bus.SubscribeOptions, f func(t *testing.T, b *bus.Bus, s *bus.Subscriber[tick], loop looper)) {
	t.Helper()
	each(t, func(t *testing.T, b *bus.Bus) {
		for name := range loops(nil) {
			t.Run(name, func(t *testing.T) {
				s := newSub[tick](t, b, o)
				defer func() { require.NoError(t, s.Close()) }()
				f(t, b, s, loops(s)[name])
			})
		}
	})
}

func TestLoopGoesOnWhereTheLastOneEnded(t *testing.T) {
	eachLoop(t, nil, func(t *testing.T, b *bus.Bus, s *bus.Subscriber[tick], loop looper) {
		publishTicks(t, newPub[tick](t, b, nil), 0, 50)
		want := uint64(0)
		for _, until := range []uint64{1, 2, 30, 50} {
			for seq, err := range loop(background()) {
				require.NoError(t, err)
				require.Equal(t, want, seq)
				if want++; want == until {
					break
				}
			}
			require.Equal(t, want, until)
		}
		requireEmpty(t, s)
		assert.Equal(t, uint64(50), s.Stats().Received)
	})
}

func TestLoopEndsWithItsContext(t *testing.T) {
	eachLoop(t, nil, func(t *testing.T, b *bus.Bus, s *bus.Subscriber[tick], loop looper) {
		publishTicks(t, newPub[tick](t, b, nil), 0, 10)
		reason := errors.New("that is all")
		ctx, cancel := context.WithCancelCause(background())
		defer cancel(nil)
		seen := 0
		var last error
		for _, err := range loop(ctx) {
			require.NoError(t, last, "an error other than a gap is the last that comes")
			if last = err; err != nil {
				continue
			}
			if seen++; seen == 3 {
				cancel(reason) // while there is more to receive
			}
		}
		require.ErrorIs(t, last, reason)
		require.Equal(t, 3, seen)
		requireTicks(t, s, 3, 10)
	})
}

func TestLoopEndsWithItsSubscription(t *testing.T) {
	eachLoop(t, nil, func(t *testing.T, b *bus.Bus, s *bus.Subscriber[tick], loop looper) {
		publishTicks(t, newPub[tick](t, b, nil), 0, 10)
		var last error
		seen := 0
		for _, err := range loop(background()) {
			if last = err; err == nil {
				seen++
				require.NoError(t, s.Close())
			}
		}
		require.ErrorIs(t, last, bus.ErrClosed)
		require.Equal(t, 1, seen)
	})
}

func TestLoopWaits(t *testing.T) {
	eachLoop(t, &bus.SubscribeOptions{Name: "waiter", Wait: bus.WaitPark}, func(t *testing.T, b *bus.Bus, _ *bus.Subscriber[tick], loop looper) {
		pub := newPub[tick](t, b, nil)
		got := make(chan uint64)
		done := async(func() error {
			for seq, err := range loop(background()) {
				if err != nil {
					return err
				}
				if got <- seq; seq == 4 {
					break
				}
			}
			return nil
		})
		for i := range 5 {
			waiting(t, b, "waiter")
			publishTicks(t, pub, i, i+1)
			require.Equal(t, uint64(i), result(t, got))
		}
		require.NoError(t, result(t, done))
	})
}

// A gap is told in its place, with its size, and the loop goes on.
func TestLoopOverAGap(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[crumb](t, b, nil)
		sub := newSub[crumb](t, b, nil)
		position := row(t, b, sub.Raw().Name(), bus.Low).Cursor
		for round, loop := range []iter.Seq2[*crumb, error]{sub.Values(background()), sub.Values(background())} {
			from := round * 1000
			publishCrumbs(t, pub, from, from+3*capacity)
			expect, gaps := uint64(from), 0
			for v, err := range loop {
				if lag, ok := errors.AsType[*bus.LagError](err); ok {
					require.Nil(t, v)
					gaps++
					expect += lag.Missed
					position += lag.Missed
					require.Equal(t, position, lag.Resumed)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, expect, v.Seq)
				expect++
				if position++; expect == uint64(from+3*capacity) {
					break
				}
			}
			require.Equal(t, 1, gaps)
		}
		st := sub.Stats()
		assert.Equal(t, uint64(6*capacity), st.Received+st.Missed)
	})
}

// An event in place is finished as the body of a loop is left, however that
// happens; a copy when its receiver comes back for more.
func TestLoopFinishesWhatItHandedOut(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, nil)
		sub := newSub[tick](t, b, billing)
		publishTicks(t, pub, 0, 10)
		for v, err := range sub.Values(background()) {
			require.NoError(t, err)
			if v.Seq == 2 {
				break
			}
		}
		assert.PanicsWithValue(t, "mine", func() {
			for _, err := range sub.Values(background()) {
				require.NoError(t, err)
				panic("mine")
			}
		})
		require.NoError(t, sub.Close())
		sub = newSub[tick](t, b, billing)
		for m, err := range sub.Messages(background()) {
			require.NoError(t, err)
			if m.Value.Seq == 6 {
				break
			}
		}
		require.NoError(t, sub.Close())
		sub = newSub[tick](t, b, billing)
		requireTicks(t, sub, 6, 10)
	})
}

func TestLoopBodyIsWithinAReceiveCall(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 4)
		for _, err := range sub.Values(background()) {
			require.NoError(t, err)
			assert.Panics(t, func() { _, _ = sub.TryReceive() })
			break
		}
		for m, err := range sub.Messages(background()) {
			require.NoError(t, err)
			require.Equal(t, uint64(1), m.Value.Seq)
			m, err = sub.TryReceive() // of copies it is not
			require.NoError(t, err)
			require.Equal(t, uint64(2), m.Value.Seq)
			break
		}
		requireTicks(t, sub, 3, 4)
	})
}

func TestMessagesOfALoopAreCopies(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		for i := range 3 {
			require.NoError(t, pub.TryPublishWith(&tick{Seq: uint64(i)}, bus.With{Tail: []byte{byte(i), 9}}))
		}
		var all []bus.Message[tick]
		for m, err := range sub.Messages(background()) {
			require.NoError(t, err)
			if all = append(all, m); len(all) == 3 {
				break
			}
		}
		require.NoError(t, sub.Close())
		publishTicks(t, pub, 0, 5*capacity)
		for i, m := range all {
			assert.Equal(t, uint64(i), m.Value.Seq)
			assert.Equal(t, []byte{byte(i), 9}, m.Tail)
		}
	})
}

// An iterator may be pulled, too; then the event is valid until the next pull.
func TestLoopPulled(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		publishTicks(t, pub, 0, 3)
		next, stop := iter.Pull2(sub.Values(background()))
		for i := range 2 {
			v, err, ok := next()
			require.True(t, ok)
			require.NoError(t, err)
			require.Equal(t, uint64(i), v.Seq)
		}
		stop()
		requireTicks(t, sub, 2, 3)
	})
}

func TestLoopAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub, sub := newPub[tick](t, b, nil), newSub[tick](t, b, nil)
		var seen uint64
		publishTicks(t, pub, 0, 32)
		avg := testing.AllocsPerRun(10, func() {
			n := 0
			for v, err := range sub.Values(background()) {
				if err != nil || v.Seq != seen%32 {
					panic(err)
				}
				if seen++; seen%32 == 0 {
					for i := range uint64(32) {
						next := tick{Seq: i}
						if err := pub.TryPublish(&next); err != nil {
							panic(err)
						}
					}
				}
				if n++; n == 1000 {
					break
				}
			}
		})
		assert.Less(t, avg, 10.0, "what a loop of 1,000 events allocates, its events do not")
	})
}

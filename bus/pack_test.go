package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// pulse is what the packs of the tests hold; ten of them fit a slot of small.
type pulse struct{ N uint64 }

func (pulse) EventType() bus.TypeOptions { return bus.TypeOptions{Name: "test.pulse"} }

const mostPulses = (128 - 32) / 8

func pulses(from, to int) (vs []pulse) {
	for n := from; n < to; n++ {
		vs = append(vs, pulse{uint64(n)})
	}
	return vs
}

func newPacks(t testing.TB, b *bus.Bus, po *bus.PublisherOptions, so *bus.SubscribeOptions) (*bus.PackPublisher[pulse], *bus.PackSubscriber[pulse]) {
	t.Helper()
	s, err := bus.SubscribePacks[pulse](b, so)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p, err := bus.NewPackPublisher[pulse](b, po)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p, s
}

// viewed is what a view gets.
func viewed(t testing.TB, s *bus.PackSubscriber[pulse]) (vs []pulse, h bus.Header) {
	t.Helper()
	require.NoError(t, s.TryView(func(in []pulse, e *bus.Event) error {
		vs, h = append(vs, in...), e.Header()
		return nil
	}))
	return vs, h
}

func TestPacks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		for _, exclusive := range []bool{false, true} {
			p, s := newPacks(t, b, &bus.PublisherOptions{Exclusive: exclusive}, nil)
			assert.Equal(t, mostPulses, p.Most())
			for n := 1; n <= mostPulses; n++ {
				require.NoError(t, p.Publish(background(), pulses(0, n)))
				vs, h := viewed(t, s)
				require.Equal(t, pulses(0, n), vs)
				require.Equal(t, p.Type(), h.Type)
				require.NoError(t, p.TryPublish(pulses(n, 2*n)))
				vs, err := s.Receive(background(), vs)
				require.NoError(t, err)
				require.Equal(t, pulses(n, 2*n), vs)
				require.Equal(t, h.Position+1, s.Header().Position)
			}
			assert.EqualValues(t, 2*mostPulses, p.Stats().Published)
			assert.EqualValues(t, 2*mostPulses, s.Stats().Received)
			require.NoError(t, p.Close())
		}
	})
}

// A pack has a key and a priority as any event has.
func TestPacksHaveHeaders(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, &bus.SubscribeOptions{Filter: bus.Keys(7)})
		require.NoError(t, p.PublishWith(background(), pulses(0, 3), bus.With{Key: 6}))
		require.NoError(t, p.PublishWith(background(), pulses(3, 5), bus.With{Key: 7}))
		require.NoError(t, p.TryPublishWith(pulses(5, 6), bus.With{Key: 7, Time: 99}))
		vs, h := viewed(t, s)
		assert.Equal(t, pulses(3, 5), vs)
		assert.EqualValues(t, 7, h.Key)
		vs, h = viewed(t, s)
		assert.Equal(t, pulses(5, 6), vs)
		assert.EqualValues(t, 99, h.Time)

		// A whole batch, in as few as they fit.
		n, err := p.PublishBatch(background(), pulses(0, 2*mostPulses+1))
		require.NoError(t, err)
		assert.Equal(t, 2*mostPulses+1, n)
		assert.EqualValues(t, 6, p.Stats().Published)
	})
}

func TestPackBatchStopsWhereItsContextDoes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, _ := newPacks(t, b, nil, nil)
		ctx, cancel := context.WithCancel(background())
		done := async(func() error {
			n, err := p.PublishBatch(ctx, pulses(0, 3*capacity*mostPulses))
			if n%mostPulses != 0 || n == 0 || n > capacity*mostPulses {
				return fmt.Errorf("%d values of a lane of %d", n, capacity*mostPulses)
			}
			return err
		})
		require.Eventually(t, func() bool { return p.Stats().Full > 0 }, patience, often)
		cancel()
		assert.ErrorIs(t, result(t, done), context.Canceled)
	})
}

func TestPackLoans(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		for n := 1; n <= mostPulses; n++ {
			l, err := p.Loan()
			require.NoError(t, err)
			vs := l.Values()
			require.Len(t, vs, mostPulses)
			assert.Zero(t, vs[0])
			copy(vs, pulses(0, mostPulses))
			for _, wrong := range []int{-1, 0, mostPulses + 1} {
				require.ErrorIs(t, l.Publish(background(), wrong), bus.ErrOptions)
				require.ErrorIs(t, l.TryPublish(wrong), bus.ErrOptions)
			}
			l.SetKey(uint64(n))
			require.NoError(t, l.Publish(background(), n))
			require.ErrorIs(t, l.Publish(background(), n), bus.ErrSpent)
			require.ErrorIs(t, l.TryPublish(n), bus.ErrSpent)
			l.Discard()
			got, h := viewed(t, s)
			require.Equal(t, pulses(0, n), got)
			require.EqualValues(t, n, h.Key)
		}
		l, err := p.LoanWith(bus.With{Key: 3})
		require.NoError(t, err)
		copy(l.Values(), pulses(5, 7))
		require.NoError(t, l.TryPublish(2))
		got, h := viewed(t, s)
		assert.Equal(t, pulses(5, 7), got)
		assert.EqualValues(t, 3, h.Key)

		l, err = p.Loan()
		require.NoError(t, err)
		l.Discard()
		require.ErrorIs(t, s.TryView(nil), bus.ErrEmpty)
	})
}

func TestPacksThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		for name, publish := range map[string]func([]pulse, bus.With) error{
			"wait": func(vs []pulse, w bus.With) error { return p.PublishWith(background(), vs, w) },
			"try":  p.TryPublishWith,
		} {
			assert.ErrorIs(t, publish(nil, bus.With{}), bus.ErrOptions, name)
			assert.ErrorIs(t, publish(pulses(0, 1), bus.With{Tail: []byte{1}}), bus.ErrOptions, name)
			var size *bus.SizeError
			require.ErrorAs(t, publish(pulses(0, mostPulses+1), bus.With{}), &size, name)
			assert.Equal(t, 128+8, size.Need)
		}
		_, err := p.LoanWith(bus.With{Tail: []byte{1}})
		require.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.NewPackPublisher[struct{}](b, nil)
		require.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.SubscribePacks[struct{}](b, nil)
		require.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.HandlePacks(b, nil, func(context.Context, []struct{}, *bus.Event) error { return nil })
		require.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.PackTypeFor[struct{}](b)
		require.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.SubscribePacks[pulse](b, &bus.SubscribeOptions{Filter: bus.Field("N").Is(3)})
		require.ErrorIs(t, err, bus.ErrOptions, "which of its values would it be?")
		_, err = s.TryReceive(nil)
		require.ErrorIs(t, err, bus.ErrEmpty)
	})
}

// Packs of a type are none of its events, and its events are no packs.
func TestPacksAreATypeOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		single, alone := newPub[pulse](t, b, nil), newSub[pulse](t, b, nil)
		all, err := b.Subscribe(nil)
		require.NoError(t, err)
		defer all.Close()
		require.NoError(t, single.TryPublish(&pulse{1}))
		require.NoError(t, p.TryPublish(pulses(2, 4)))
		vs, _ := viewed(t, s)
		assert.Equal(t, pulses(2, 4), vs)
		m, err := alone.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, pulse{1}, m.Value)
		requireEmpty(t, alone)

		var got []string
		_, err = all.TryViewBatch(8, func(e *bus.Event) error {
			one, isOne := bus.As[pulse](e)
			vs, isPack := bus.AsPack[pulse](e)
			switch {
			case isOne && !isPack:
				got = append(got, fmt.Sprint(one.N))
			case isPack && !isOne:
				got = append(got, fmt.Sprint(vs))
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "[{2} {3}]"}, got)
		id, err := bus.PackTypeFor[pulse](b)
		require.NoError(t, err)
		assert.Equal(t, p.Type(), id)
		snap, err := b.Snapshot()
		require.NoError(t, err)
		var names []string
		for _, ty := range snap.Types {
			names = append(names, ty.Name)
		}
		assert.ElementsMatch(t, []string{"test.pulse", "test.pulse[]"}, names)
	})
}

// What somebody publishes under the name of packs and is none is an error, not a view
// beyond it, and nothing that comes behind it is lost.
func TestForgedPacks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		type forged struct{ First pulse }
		forger := newPub[forged](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "test.pulse[]"}})
		require.Equal(t, p.Type(), forger.Type())
		handled, packs := make(chan error, 3), make(chan []pulse, 1)
		h, err := bus.HandlePacks(b, &bus.HandlerOptions{OnError: func(err error) { handled <- err }}, func(_ context.Context, vs []pulse, _ *bus.Event) error {
			packs <- append([]pulse(nil), vs...)
			return nil
		})
		require.NoError(t, err)
		spoil := func() {
			require.NoError(t, forger.TryPublishWith(&forged{}, bus.With{Tail: make([]byte, 13)}))
		}
		spoil()
		require.ErrorIs(t, s.View(background(), nil), bus.ErrCorrupt)
		spoil()
		_, err = s.TryReceive(nil)
		require.ErrorIs(t, err, bus.ErrCorrupt)
		spoil()
		for _, err := range s.Packs(background()) {
			require.ErrorIs(t, err, bus.ErrCorrupt)
		}
		require.NoError(t, p.TryPublish(pulses(0, 2)))
		vs, _ := viewed(t, s)
		assert.Equal(t, pulses(0, 2), vs)
		assert.Equal(t, pulses(0, 2), result(t, packs))
		require.NoError(t, h.Close())
		for range 3 {
			assert.ErrorIs(t, result(t, handled), bus.ErrCorrupt)
		}
	})
}

func TestPacksInALoop(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		for n := range 5 {
			require.NoError(t, p.TryPublish(pulses(0, n+1)))
		}
		n := 0
		for vs, err := range s.Packs(background()) {
			require.NoError(t, err)
			if n++; n == 4 {
				break
			}
			assert.Equal(t, pulses(0, n), vs)
		}
		var seen []int
		k, err := s.TryViewBatch(8, func(vs []pulse, _ *bus.Event) error {
			seen = append(seen, len(vs))
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 1, k)
		assert.Equal(t, []int{5}, seen)
		stop := errors.New("enough")
		require.NoError(t, p.TryPublish(pulses(0, 1)))
		require.NoError(t, p.TryPublish(pulses(0, 2)))
		k, err = s.ViewBatch(background(), 8, func([]pulse, *bus.Event) error { return stop })
		require.ErrorIs(t, err, stop)
		assert.Equal(t, 1, k)
		vs, _ := viewed(t, s)
		assert.Equal(t, pulses(0, 2), vs)
		require.EqualValues(t, 7, s.Raw().Stats().Received)
		require.NoError(t, s.Remove())
	})
}

// A receive call from within a callback is refused as of any subscription, and leaves the
// call around it as it was.
func TestPacksWithinPacks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, nil, nil)
		for range 3 {
			require.NoError(t, p.TryPublish(pulses(0, 1)))
		}
		outer, inner := 0, 0
		n, err := s.TryViewBatch(8, func([]pulse, *bus.Event) error {
			outer++
			assert.Panics(t, func() {
				_ = s.TryView(func([]pulse, *bus.Event) error {
					inner++
					return nil
				})
			})
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []int{3, 3, 0}, []int{n, outer, inner})
	})
}

// A durable subscription gets packs that it has copied and not finished again.
func TestDurablePacks(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		o := &bus.SubscribeOptions{Durable: "packs"}
		s, err := bus.SubscribePacks[pulse](b, o)
		require.NoError(t, err)
		p, err := bus.NewPackPublisher[pulse](b, nil)
		require.NoError(t, err)
		defer p.Close()
		for n := range 3 {
			require.NoError(t, p.TryPublish(pulses(n, n+2)))
		}
		_, err = s.TryReceive(nil)
		require.NoError(t, err)
		vs, err := s.TryReceive(nil)
		require.NoError(t, err)
		assert.Equal(t, pulses(1, 3), vs)
		require.NoError(t, s.Close())
		s, err = bus.SubscribePacks[pulse](b, o)
		require.NoError(t, err)
		vs, err = s.TryReceive(nil)
		require.NoError(t, err)
		assert.Contains(t, [][]pulse{pulses(1, 3), pulses(2, 4)}, vs)
		require.NoError(t, s.Remove())
	})
}

// Of a group each pack goes to one member, whole.
func TestPacksOfAGroup(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		var members []*bus.PackSubscriber[pulse]
		for range 2 {
			s, err := bus.SubscribePacks[pulse](b, &bus.SubscribeOptions{Group: "packs"})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			members = append(members, s)
		}
		p, err := bus.NewPackPublisher[pulse](b, nil)
		require.NoError(t, err)
		defer p.Close()
		const packs = 20
		for n := range packs {
			require.NoError(t, p.TryPublish(pulses(n, n+1+n%mostPulses)))
		}
		got := map[uint64]int{}
		require.Eventually(t, func() bool {
			for _, s := range members {
				err := s.TryView(func(vs []pulse, _ *bus.Event) error {
					n := int(vs[0].N)
					assert.Equal(t, pulses(n, n+1+n%mostPulses), vs)
					got[vs[0].N]++
					return nil
				})
				if !errors.Is(err, bus.ErrEmpty) {
					require.NoError(t, err)
				}
			}
			return len(got) == packs
		}, patience, often)
		for n, times := range got {
			assert.Equal(t, 1, times, n)
		}
	})
}

func TestPackAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		p, s := newPacks(t, b, &bus.PublisherOptions{Exclusive: true}, nil)
		vs, dst, sum := pulses(0, mostPulses), pulses(0, mostPulses), uint64(0)
		fn := func(vs []pulse, _ *bus.Event) error {
			sum += vs[len(vs)-1].N
			return nil
		}
		check := func(err error) {
			if err != nil {
				panic(err)
			}
		}
		_, _ = p.Publish(background(), vs), s.View(background(), fn)
		check(p.Publish(background(), vs))
		_, err := s.Receive(background(), dst) // its tail's memory is kept
		check(err)
		avg := testing.AllocsPerRun(1000, func() {
			check(p.Publish(background(), vs))
			n := 0
			check(s.View(background(), func(vs []pulse, _ *bus.Event) error {
				n += len(vs)
				return nil
			}))
			sum += uint64(n)
			l, err := p.Loan()
			check(err)
			copy(l.Values(), vs)
			check(l.Publish(background(), 3))
			_, err = s.ViewBatch(background(), 8, fn)
			check(err)
			check(p.TryPublish(vs))
			_, err = s.TryReceive(dst)
			check(err)
		})
		assert.Zero(t, avg)
	})
}

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// tock shares the lane of tick.
type tock struct{ Seq uint64 }

// reader is a way to receive everything from a subscription, for a tick or a
// tock at a time; it tells how many it was given, and why it ended.
type reader struct {
	name    string
	durable string
	all     bool // takes tocks, too
	held    bool // waits until the bus drains, having taken one event
	read    func(s *bus.Subscription, each func()) error
}

func looping[E any](seq iter.Seq2[E, error], each func()) (last error) {
	for _, err := range seq {
		if last = err; err == nil {
			each()
		}
	}
	return last
}

func readers() []reader {
	ctx := context.Background()
	return []reader{
		{name: "events", all: true, read: func(s *bus.Subscription, each func()) error { return looping(s.Events(ctx), each) }},
		{name: "copies", all: true, read: func(s *bus.Subscription, each func()) error { return looping(s.Messages(ctx), each) }},
		{name: "durable", durable: "billing", read: func(s *bus.Subscription, each func()) error { return looping(s.Events(ctx), each) }},
		{name: "batches", read: func(s *bus.Subscription, each func()) error {
			return untilDrained(func() error {
				_, err := s.ViewBatch(ctx, 7, func(*bus.Event) error { each(); return nil })
				return err
			})
		}},
		{name: "polling", read: func(s *bus.Subscription, each func()) error {
			batch := make([]bus.RawMessage, 5)
			return untilDrained(func() error {
				n, err := s.TryReceiveBatch(batch)
				for range n {
					each()
				}
				return err
			})
		}},
		{name: "slow", read: func(s *bus.Subscription, each func()) error {
			return looping(s.Events(ctx), func() {
				runtime.Gosched()
				each()
			})
		}},
		{name: "held", all: true, held: true, read: func(s *bus.Subscription, each func()) error { return looping(s.Events(ctx), each) }},
		{name: "held durable", durable: "archive", held: true, read: func(s *bus.Subscription, each func()) error { return looping(s.Messages(ctx), each) }},
	}
}

// untilDrained receives again until something else than a gap or nothing comes.
func untilDrained(receive func() error) error {
	for {
		err := receive()
		if err != nil && !errors.Is(err, bus.ErrLag) && !errors.Is(err, bus.ErrEmpty) {
			return err
		}
		if errors.Is(err, bus.ErrEmpty) {
			runtime.Gosched()
		}
	}
}

// Of what publishers had accepted when the bus was drained, every subscription
// has received, passed over or missed each event: none is lost, none counted
// twice, on every kind of lane, however slow its subscribers are.
func TestDrainAccountsForEveryEvent(t *testing.T) {
	lossy, evicting := small(), small()
	lossy.Normal.Policy = bus.Lossy
	evicting.Normal.EvictAfter = time.Millisecond
	sharded := small()
	sharded.Normal.Shards = 3
	for name, c := range map[string]struct {
		geo  bus.Geometry
		held bool // with subscribers that stand still
	}{
		"Reliable": {small(), false}, "Blocked": {small(), true}, "Sharded": {sharded, false},
		"Lossy": {lossy, true}, "Evicting": {evicting, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachWith(t, bus.Options{Geometry: c.geo}, func(t *testing.T, b *bus.Bus) {
				lane := b.Geometry().Normal
				account(t, b, c.held, lane.Policy == bus.Reliable && lane.EvictAfter < 0)
			})
		})
	}
}

func account(t *testing.T, b *bus.Bus, held, lossless bool) {
	var group sync.WaitGroup
	seen := make(map[*bus.Subscription]*int)
	ids := []bus.TypeID{typeID[tick](t, b), typeID[tock](t, b)}
	var subs []*bus.Subscription
	begun, release := make(chan struct{}), make(chan struct{})
	for _, r := range readers() {
		if r.held && !held {
			continue
		}
		types := ids[:1]
		if r.all {
			types = ids
		}
		s, err := b.Subscribe(&bus.SubscribeOptions{Name: r.name, Durable: r.durable, Types: types, Window: 4})
		require.NoError(t, err)
		n := new(int)
		subs, seen[s] = append(subs, s), n
		group.Go(func() {
			err := r.read(s, func() {
				if *n++; *n == 1 && r.held {
					<-release
				}
				if *n == 10*capacity && r.name == "events" {
					close(begun)
				}
			})
			assert.ErrorIs(t, err, bus.ErrDraining, r.name)
		})
	}
	ticks, tocks := newPub[tick](t, b, nil), newPub[tock](t, b, &bus.PublisherOptions{Exclusive: true})
	publish := func(f func(i int) error) {
		group.Go(func() {
			for i := 0; ; i++ {
				err := f(i)
				if err != nil && !errors.Is(err, bus.ErrFull) {
					assert.ErrorIs(t, err, bus.ErrDraining)
					return
				}
				runtime.Gosched()
			}
		})
	}
	publish(func(i int) error { return ticks.PublishWith(background(), &tick{}, bus.With{Key: uint64(i)}) })
	publish(func(int) error { _, err := ticks.PublishBatch(background(), make([]tick, 5)); return err })
	publish(func(i int) error { return tocks.TryPublishWith(&tock{}, bus.With{Key: uint64(i)}) })
	publish(func(int) error {
		loans := make([]bus.Loan[tick], 3)
		n, err := ticks.LoanBatch(loans)
		if err != nil {
			return err
		}
		defer ticks.DiscardLoans(loans)
		_, err = ticks.PublishLoans(background(), loans[:n])
		return err
	})
	if held && lossless {
		require.Eventually(t, func() bool { return ticks.Stats().Full > 0 }, patience, often)
	} else {
		result(t, begun)
	}
	if err := b.Drain(done()); err != nil { // or all are done already
		require.ErrorIs(t, err, context.Canceled)
	}
	accepted := [2]uint64{ticks.Stats().Published, tocks.Stats().Published}
	close(release)
	require.NoError(t, b.Drain(background()))
	group.Wait()

	assert.Equal(t, [2]uint64{ticks.Stats().Published, tocks.Stats().Published}, accepted, "nothing is accepted while the bus drains")
	for _, s := range subs {
		st := s.Stats()
		r := readers()[slices.IndexFunc(readers(), func(r reader) bool { return r.name == s.Name() })]
		what := fmt.Sprintf("%s: %+v of %v", r.name, st, accepted)
		assert.Equal(t, accepted[0]+accepted[1], st.Received+st.Filtered+st.Missed, what)
		assert.Equal(t, uint64(*seen[s]), st.Received, what)
		assert.Zero(t, st.Depth, what)
		if lossless {
			assert.Zero(t, st.Missed, what)
		}
		if lossless && !r.all {
			assert.Equal(t, accepted[1], st.Filtered, what)
		}
	}
}

package bus_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

var required = &bus.PublisherOptions{RequireSubscriber: true}

// publishCalls are all the ways to publish one tick.
func publishCalls(p *bus.Publisher[tick]) map[string]func(ctx context.Context) error {
	loan := func(publish func(l *bus.Loan[tick]) error) error {
		l, err := p.Loan()
		if err != nil {
			return err
		}
		defer l.Discard() // it is still out if it was not published
		return publish(&l)
	}
	return map[string]func(ctx context.Context) error{
		"Publish":        func(ctx context.Context) error { return p.Publish(ctx, &tick{}) },
		"PublishWith":    func(ctx context.Context) error { return p.PublishWith(ctx, &tick{}, bus.With{Key: 1}) },
		"TryPublish":     func(context.Context) error { return p.TryPublish(&tick{}) },
		"TryPublishWith": func(context.Context) error { return p.TryPublishWith(&tick{}, bus.With{Key: 1}) },
		"PublishBatch": func(ctx context.Context) error {
			_, err := p.PublishBatch(ctx, make([]tick, 1))
			return err
		},
		"PublishItems": func(ctx context.Context) error {
			_, err := p.PublishItems(ctx, make([]bus.Item[tick], 1))
			return err
		},
		"Loan.Publish": func(ctx context.Context) error { return loan(func(l *bus.Loan[tick]) error { return l.Publish(ctx) }) },
		"PublishLoans": func(ctx context.Context) error {
			loans := make([]bus.Loan[tick], 1)
			if _, err := p.LoanBatch(loans); err != nil {
				return err
			}
			defer p.DiscardLoans(loans)
			_, err := p.PublishLoans(ctx, loans)
			return err
		},
		"Loan.TryPublish": func(context.Context) error { return loan((*bus.Loan[tick]).TryPublish) },
	}
}

// requireAnswer requires all calls of a publisher to give the same answer.
func requireAnswer(t *testing.T, p *bus.Publisher[tick], expect error, why string) {
	t.Helper()
	for name, publish := range publishCalls(p) {
		before := p.Stats().Published
		err := publish(background())
		require.ErrorIs(t, err, expect, "%s: %s", why, name)
		if expect == nil {
			require.NoError(t, err, "%s: %s", why, name)
			before++
		}
		require.Equal(t, before, p.Stats().Published, "%s: %s", why, name)
	}
}

func TestRequireSubscriber(t *testing.T) {
	geo := small()
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, required)
		requireAnswer(t, pub, bus.ErrNoSubscriber, "nobody")
		requireAnswer(t, newPub[tick](t, b, nil), nil, "it is an option")

		type other struct{ Seq uint64 }
		foreign := newSub[other](t, b, &bus.SubscribeOptions{Window: 1})
		requireAnswer(t, pub, bus.ErrNoSubscriber, "who takes another type of the lane")
		elsewhere, err := b.Subscribe(&bus.SubscribeOptions{Priorities: []bus.Priority{bus.High}, Window: 1})
		require.NoError(t, err)
		requireAnswer(t, pub, bus.ErrNoSubscriber, "who takes all types of another lane")

		own := newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
		requireAnswer(t, pub, nil, "who takes the type")
		all, err := b.Subscribe(&bus.SubscribeOptions{Window: 1})
		require.NoError(t, err)
		require.NoError(t, own.Close())
		requireAnswer(t, pub, nil, "who takes all types")
		require.NoError(t, all.Close())
		requireAnswer(t, pub, bus.ErrNoSubscriber, "after they have gone")

		durable := newSub[tick](t, b, &bus.SubscribeOptions{Durable: "billing", Window: 1})
		require.NoError(t, durable.Close())
		requireAnswer(t, pub, nil, "a durable subscription without a process")
		require.NoError(t, b.RemoveDurable("billing"))
		requireAnswer(t, pub, bus.ErrNoSubscriber, "after it was forgotten")
		require.NoError(t, foreign.Close())
		require.NoError(t, elsewhere.Close())
	})
}

// A durable subscription that is taken up with other types takes those.
func TestRequireSubscriberAfterADurableOneHasChangedItsTypes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		type other struct{ Seq uint64 }
		pub := newPub[tick](t, b, required)
		o := &bus.SubscribeOptions{Durable: "billing", Window: 1}
		require.NoError(t, newSub[tick](t, b, o).Close())
		requireAnswer(t, pub, nil, "its type")
		require.NoError(t, newSub[other](t, b, o).Close())
		requireAnswer(t, pub, bus.ErrNoSubscriber, "another type")
		sub := newSub[tick](t, b, o)
		requireAnswer(t, pub, nil, "its type again")
		require.NoError(t, sub.Remove())
	})
}

// A group is durable: its lanes have an audience also while it has no members.
func TestRequireSubscriberOfAGroup(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, required)
		member := newSub[tick](t, b, &bus.SubscribeOptions{Group: "workers", Window: 1})
		requireAnswer(t, pub, nil, "a member")
		require.NoError(t, member.Close())
		requireAnswer(t, pub, nil, "no member")
		require.NoError(t, b.RemoveGroup("workers"))
		requireAnswer(t, pub, bus.ErrNoSubscriber, "after it was forgotten")
	})
}

// A batch stops where the audience leaves, and says how much it has published.
func TestRequireSubscriberInABatch(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, required)
		sub := newSub[tick](t, b, &bus.SubscribeOptions{Window: 1})
		var n int
		done := async(func() (err error) {
			n, err = pub.PublishBatch(background(), make([]tick, 2*capacity))
			return err
		})
		require.Eventually(t, func() bool { return pub.Stats().Full > 0 }, patience, often, "the batch waits for room")
		require.NoError(t, sub.Close())
		require.ErrorIs(t, result(t, done), bus.ErrNoSubscriber)
		assert.Equal(t, capacity, n)
		assert.Equal(t, uint64(capacity), pub.Stats().Published)
	})
}

func TestRequireSubscriberAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[tick](t, b, required)
		nobody := testing.AllocsPerRun(100, func() { _ = pub.TryPublish(&tick{}) })
		assert.Zero(t, nobody)
		sub := newSub[tick](t, b, nil)
		somebody := testing.AllocsPerRun(1000, func() {
			if err := pub.TryPublish(&tick{}); err != nil {
				panic(err)
			}
			if _, err := sub.TryReceive(); err != nil {
				panic(err)
			}
		})
		assert.Zero(t, somebody)
	})
}

func TestSnapshotTellsWhoTakesWhat(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		alarms, ticks, crumbs := typeID[alarm](t, b), typeID[tick](t, b), typeID[crumb](t, b)
		_, err := b.Subscribe(&bus.SubscribeOptions{Name: "two", Window: 1, Types: []bus.TypeID{ticks, alarms}})
		require.NoError(t, err)
		_, err = b.Subscribe(&bus.SubscribeOptions{Name: "all", Window: 1})
		require.NoError(t, err)
		for _, p := range []bus.Priority{bus.Critical, bus.Normal} {
			r := row(t, b, "two", p)
			assert.Equal(t, []string{"test.alarm", "bus_test.tick"}, r.Types)
			assert.False(t, r.AllTypes)
		}
		r := row(t, b, "all", bus.Low)
		assert.Empty(t, r.Types)
		assert.True(t, r.AllTypes)
		s, err := b.Snapshot()
		require.NoError(t, err)
		taken := map[int]int{}
		for _, ty := range s.Types {
			taken[ty.ID] = ty.Subscribers
		}
		assert.Equal(t, map[int]int{int(alarms): 2, int(ticks): 2, int(crumbs): 1}, taken)
	})
}

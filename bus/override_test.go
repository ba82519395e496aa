package bus_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

// memo is an event of Normal, single ones of which are Critical or Low.
type memo struct{ Seq uint64 }

func (memo) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "test.memo", Also: []bus.Priority{bus.Low, bus.Critical}}
}

func at(p bus.Priority) bus.With { return bus.With{Priority: p} }

// memos receives n memos, as "priority seq".
func memos(t *testing.T, s *bus.Subscriber[memo], n int) (seen []string) {
	t.Helper()
	for range n {
		m, err := s.TryReceive()
		require.NoError(t, err)
		seen = append(seen, fmt.Sprint(m.Priority, " ", m.Value.Seq))
	}
	requireEmpty(t, s)
	return seen
}

func TestPriorityOfAnEvent(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		ctx := background()
		for _, exclusive := range []bool{false, true} {
			pub := newPub[memo](t, b, &bus.PublisherOptions{Exclusive: exclusive})
			sub := newSub[memo](t, b, &bus.SubscribeOptions{Window: 2})
			require.NoError(t, pub.Publish(ctx, &memo{1}))
			require.NoError(t, pub.PublishWith(ctx, &memo{2}, at(bus.Low)))
			require.NoError(t, pub.TryPublishWith(&memo{3}, at(bus.Critical)))
			require.NoError(t, pub.PublishWith(ctx, &memo{4}, at(bus.Normal)))
			n, err := pub.PublishItems(ctx, []bus.Item[memo]{
				{Value: memo{5}}, {Value: memo{6}, With: at(bus.Critical)}, {Value: memo{7}, With: at(bus.Critical)},
				{Value: memo{8}, With: at(bus.Low)}, {Value: memo{9}},
			})
			require.NoError(t, err)
			require.Equal(t, 5, n)
			loan, err := pub.LoanWith(at(bus.Critical))
			require.NoError(t, err)
			loan.Value().Seq = 10
			require.NoError(t, loan.Publish(ctx))
			loans := make([]bus.Loan[memo], 4)
			for i, p := range []bus.Priority{bus.Critical, 0} {
				n, err := pub.LoanBatchWith(at(p), loans[2*i:2*i+2])
				require.NoError(t, err)
				require.Equal(t, 2, n)
			}
			for i := range loans {
				loans[i].Value().Seq = uint64(11 + i)
			}
			n, err = pub.PublishLoans(ctx, loans)
			require.NoError(t, err)
			require.Equal(t, 4, n)
			assert.Equal(t, []string{
				"critical 3", "critical 6", "critical 7", "critical 10", "critical 11", "critical 12",
				"normal 1", "normal 4", "normal 5", "normal 9", "normal 13", "normal 14", "low 2", "low 8",
			}, memos(t, sub, 14), "Critical first, and order within each lane")
			assert.Equal(t, uint64(14), pub.Stats().Published)
			require.NoError(t, sub.Close())
			require.NoError(t, pub.Close())
		}
	})
}

func TestPriorityThatTheTypeDoesNotDeclare(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[memo](t, b, nil)
		sub := newSub[memo](t, b, nil)
		for _, p := range []bus.Priority{bus.High, bus.Low + 1, 255} {
			_, errLoan := pub.LoanWith(at(p))
			n, errItems := pub.PublishItems(background(), []bus.Item[memo]{{}, {With: at(p)}})
			assert.Zero(t, n, "the batch is looked at before anything of it is published")
			for _, err := range []error{pub.PublishWith(background(), &memo{}, at(p)), pub.TryPublishWith(&memo{}, at(p)), errLoan, errItems} {
				require.ErrorIs(t, err, bus.ErrOptions)
				assert.ErrorContains(t, err, "test.memo")
				assert.ErrorContains(t, err, p.String())
				assert.ErrorContains(t, err, "Also")
			}
		}
		requireEmpty(t, sub)
		for _, o := range []bus.TypeOptions{{Name: "x", Also: []bus.Priority{0}}, {Name: "x", Also: []bus.Priority{bus.Low, 9}}} {
			_, err := bus.NewPublisher[crumb](b, &bus.PublisherOptions{Type: o})
			assert.ErrorIs(t, err, bus.ErrOptions)
		}
	})
}

func TestSubscriptionsReadAllLanesOfAType(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[memo](t, b, nil)
		typed := newSub[memo](t, b, &bus.SubscribeOptions{Name: "typed"})
		raw, err := b.Subscribe(&bus.SubscribeOptions{Name: "raw", Types: []bus.TypeID{pub.Type()}})
		require.NoError(t, err)
		narrow := newSub[memo](t, b, &bus.SubscribeOptions{Name: "narrow", Priorities: []bus.Priority{bus.Low}})
		for i, p := range []bus.Priority{0, bus.Critical, bus.Low} {
			require.NoError(t, pub.TryPublishWith(&memo{uint64(i)}, at(p)))
		}
		assert.Equal(t, []string{"critical 1", "normal 0", "low 2"}, memos(t, typed, 3))
		assert.Equal(t, []string{"low 2"}, memos(t, narrow, 1))
		for _, p := range []bus.Priority{bus.Critical, bus.Normal, bus.Low} {
			assert.Equal(t, p, next(t, raw))
		}
		_, err = raw.TryReceive()
		assert.ErrorIs(t, err, bus.ErrEmpty)
	})
}

// The priorities are part of what processes agree on.
func TestSchemaDifferenceOfPriorities(t *testing.T) {
	dir := t.TempDir()
	o := bus.Options{Geometry: small()}
	a, b := open(t, dir, o), open(t, dir, o)
	typeID[memo](t, a)
	declare := func(also ...bus.Priority) error {
		_, err := bus.NewPublisher[memo](b, &bus.PublisherOptions{Type: bus.TypeOptions{Also: also}})
		return err
	}
	var schema *bus.SchemaError
	require.ErrorAs(t, declare(bus.High, bus.Low), &schema)
	assert.Equal(t, []string{"also: high, low here, critical, low there"}, schema.Differences)
	require.ErrorAs(t, declare([]bus.Priority{}...), &schema, "not nil, so it is said")
	assert.Equal(t, []string{"also: none here, critical, low there"}, schema.Differences)
	require.NoError(t, declare(), "nil: what the type says")
	require.NoError(t, declare(bus.Critical, bus.Normal, bus.Low, bus.Low), "the same lanes")

	s, err := b.Snapshot()
	require.NoError(t, err)
	require.Len(t, s.Types, 1)
	assert.Equal(t, []string{"critical", "low"}, s.Types[0].Also)
}

// Lanes of different shapes: keys, sizes and times are those of the lane that an
// event goes to.
func TestPriorityOfAnEventAndItsLane(t *testing.T) {
	geo := small()
	geo.Critical.Shards, geo.Critical.SlotSize, geo.Critical.NoTime = 4, 64, true
	geo.Normal.Shards = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		pub := newPub[memo](t, b, required)
		low := newSub[memo](t, b, &bus.SubscribeOptions{Window: 1, Priorities: []bus.Priority{bus.Low}})
		require.ErrorIs(t, pub.TryPublishWith(&memo{}, at(bus.Critical)), bus.ErrNoSubscriber, "nobody on that lane")
		require.ErrorIs(t, pub.TryPublish(&memo{}), bus.ErrNoSubscriber)
		require.NoError(t, pub.TryPublishWith(&memo{}, at(bus.Low)))
		require.NoError(t, low.Close())

		sub := newSub[memo](t, b, &bus.SubscribeOptions{Window: 1})
		receive := func() bus.Message[memo] {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			return m
		}
		require.NoError(t, pub.TryPublishWith(&memo{}, bus.With{Key: 7, Priority: bus.Critical, Tail: make([]byte, 24)}))
		m := receive()
		assert.Equal(t, []any{3, uint64(7), int64(0), 24}, []any{m.Shard, m.Key, m.Time, len(m.Tail)})
		require.NoError(t, pub.TryPublishWith(&memo{}, bus.With{Key: 7, Tail: make([]byte, pub.MaxTail())}))
		m = receive()
		assert.Equal(t, []any{1, 88}, []any{m.Shard, len(m.Tail)})
		assert.NotZero(t, m.Time)

		var size *bus.SizeError
		require.ErrorAs(t, pub.TryPublishWith(&memo{}, bus.With{Priority: bus.Critical, Tail: make([]byte, 25)}), &size)
		assert.Equal(t, bus.SizeError{Lane: "critical/0", Need: 65, Slot: 64}, *size)
		_, err := bus.NewPublisher[tick](b, &bus.PublisherOptions{Type: bus.TypeOptions{Also: []bus.Priority{bus.Critical}}})
		require.ErrorAs(t, err, &size, "a value that fits only some of its lanes")
		assert.Equal(t, "critical/0", size.Lane)

		loan, err := pub.LoanWith(bus.With{Key: 6, Priority: bus.Critical, Tail: []byte("tail"), Time: 99})
		require.NoError(t, err)
		assert.Len(t, loan.Tail(), 24)
		loan.SetKey(7)
		require.ErrorIs(t, loan.TryPublish(), bus.ErrOptions, "another shard")
		loan.SetKey(2)
		require.NoError(t, loan.TryPublish())
		m = receive()
		assert.Equal(t, []any{bus.Critical, 2, uint64(2), int64(99), "tail"}, []any{m.Priority, m.Shard, m.Key, m.Time, string(m.Tail)})
	})
}

// Who sleeps is woken by an event of each of the type's priorities: its own sleep
// would last an hour.
func TestPriorityOfAnEventWakes(t *testing.T) {
	eachWith(t, sleepy(), func(t *testing.T, b *bus.Bus) {
		pub := newPub[memo](t, b, nil)
		sub := newSub[memo](t, b, &bus.SubscribeOptions{Name: "sleeper", Wait: bus.WaitPark})
		for _, p := range []bus.Priority{bus.Low, 0, bus.Critical} {
			got := make(chan bus.Priority, 1)
			go func() {
				m, err := sub.Receive(background())
				assert.NoError(t, err)
				got <- m.Priority
			}()
			waiting(t, b, "sleeper")
			require.NoError(t, pub.TryPublishWith(&memo{}, at(p)))
			want := p
			if p == 0 {
				want = bus.Normal
			}
			assert.Equal(t, want, result(t, got))
		}
	})
}

// A publisher takes its seats on all lanes when it is made: publishing allocates
// nothing and finds every port there.
func TestPriorityOfAnEventAllocs(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		used := func() (n int) {
			s, err := b.Snapshot()
			require.NoError(t, err)
			for _, l := range s.Lanes {
				n += l.PortsUsed
			}
			return n
		}
		pub := newPub[memo](t, b, nil)
		assert.Equal(t, 3, used())
		own := newPub[memo](t, b, &bus.PublisherOptions{Exclusive: true})
		assert.Equal(t, 6, used())
		for _, p := range []*bus.Publisher[memo]{pub, own} {
			i := 0
			assert.Zero(t, testing.AllocsPerRun(300, func() {
				i++
				if err := p.TryPublishWith(&memo{}, at([]bus.Priority{0, bus.Critical, bus.Low}[i%3])); err != nil {
					panic(err)
				}
			}))
		}
		require.NoError(t, own.Close())
		assert.Equal(t, 3, used())
	})
}

package bus_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
)

func TestSubscriptionToSeveralTypes(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		alarms, ticks, crumbs := newPub[alarm](t, b, nil), newPub[tick](t, b, nil), newPub[crumb](t, b, nil)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Types: []bus.TypeID{alarms.Type(), ticks.Type()}})
		require.NoError(t, err)
		all, err := b.Subscribe(nil)
		require.NoError(t, err)
		require.NoError(t, ticks.TryPublish(&tick{Seq: 1}))
		require.NoError(t, crumbs.TryPublish(&crumb{Seq: 2}))
		require.NoError(t, alarms.TryPublish(&alarm{Seq: 3}))

		var seen []any
		note := func(e *bus.Event) error {
			_, isCall := bus.As[call](e)
			assert.False(t, isCall, "a type that is not registered here")
			if v, ok := bus.As[alarm](e); ok {
				seen = append(seen, *v)
			}
			if v, ok := bus.As[tick](e); ok {
				seen = append(seen, *v)
			}
			if v, ok := bus.As[crumb](e); ok {
				seen = append(seen, *v)
			}
			return nil
		}
		_, err = sub.TryViewBatch(10, note)
		require.NoError(t, err)
		assert.Equal(t, []any{alarm{3}, tick{Seq: 1}}, seen)
		seen = nil
		_, err = all.TryViewBatch(10, note)
		require.NoError(t, err)
		assert.Equal(t, []any{alarm{3}, tick{Seq: 1}, crumb{2}}, seen)
	})
}

// Two types on one lane: who wants one of them passes over the other, and what
// it passes over is counted.
func TestSubscriptionPassesOverOtherTypes(t *testing.T) {
	type other struct{ Seq uint64 }
	each(t, func(t *testing.T, b *bus.Bus) {
		ticks, others := newPub[tick](t, b, nil), newPub[other](t, b, nil)
		sub, foreign := newSub[tick](t, b, nil), newSub[other](t, b, nil)
		for i := range 20 {
			require.NoError(t, others.TryPublish(&other{}))
			publishTicks(t, ticks, i, i+1)
		}
		requireTicks(t, sub, 0, 20)
		assert.Equal(t, bus.SubscriberStats{Received: 20, Filtered: 20}, awake(sub.Stats()))
		for range 20 {
			_, err := foreign.TryReceive()
			require.NoError(t, err)
		}
		requireEmpty(t, foreign)
	})
}

func TestRawMessage(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		pub := newPub[call](t, b, nil)
		sub, err := b.Subscribe(nil)
		require.NoError(t, err)
		var m bus.RawMessage
		for i := range 3 {
			require.NoError(t, pub.TryPublishWith(&call{Seq: 0x0102}, bus.With{Tail: []byte("x")}))
			switch i {
			case 0:
				m, err = sub.Receive(background())
			case 1:
				m, err = sub.TryReceive()
			case 2:
				err = sub.ReceiveInto(background(), &m)
			}
			require.NoError(t, err)
			assert.Equal(t, []byte{2, 1, 0, 0, 0, 0, 0, 0}, m.Value)
			assert.Equal(t, "x", string(m.Tail))
			assert.Equal(t, pub.Type(), m.Type)
			assert.Equal(t, bus.High, m.Priority)
		}
		_, err = sub.ReceiveTimeout(0)
		assert.ErrorIs(t, err, bus.ErrTimeout)
	})
}

func TestTypeNameAndPriorityOverridden(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		as := bus.TypeOptions{Name: "renamed", Priority: bus.High}
		pub := newPub[alarm](t, b, &bus.PublisherOptions{Type: as})
		sub := newSub[alarm](t, b, &bus.SubscribeOptions{Type: as})
		own := newSub[alarm](t, b, nil)
		require.NoError(t, pub.TryPublish(&alarm{Seq: 1}))
		m, err := sub.TryReceive()
		require.NoError(t, err)
		assert.Equal(t, bus.High, m.Priority)
		requireEmpty(t, own)
		assert.NotEqual(t, pub.Type(), typeID[alarm](t, b))
	})
}

func TestTypeOfTheSameNameAndOtherFields(t *testing.T) {
	type v1 struct {
		Seq  uint64
		Rate uint32
		Gone uint16
		_    [2]byte
	}
	type v2 struct {
		Seq  uint64
		Rate int32
		_    [4]byte
	}
	each(t, func(t *testing.T, b *bus.Bus) {
		newPub[v1](t, b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "same"}})
		_, err := bus.NewPublisher[v2](b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: "same"}})
		requireSchemaError(t, err)
		_, err = bus.Subscribe[v2](b, &bus.SubscribeOptions{Type: bus.TypeOptions{Name: "same"}})
		requireSchemaError(t, err)
	})
}

func requireSchemaError(t *testing.T, err error) {
	t.Helper()
	var schema *bus.SchemaError
	require.ErrorAs(t, err, &schema)
	assert.ErrorIs(t, err, bus.ErrSchema)
	assert.Equal(t, "same", schema.Type)
	all := strings.Join(schema.Differences, "\n")
	assert.Contains(t, all, "Rate")
	assert.Contains(t, all, "Gone")
	assert.NotContains(t, all, "Seq")
}

func TestTypesBeyondTheTable(t *testing.T) {
	geo := small()
	geo.Types = 2
	eachWith(t, bus.Options{Geometry: geo}, func(t *testing.T, b *bus.Bus) {
		typeID[alarm](t, b)
		typeID[tick](t, b)
		_, err := bus.TypeFor[call](b)
		require.ErrorIs(t, err, bus.ErrTooMany)
		assert.ErrorContains(t, err, "raise Types")
		assert.Equal(t, bus.TypeID(1), typeID[alarm](t, b))
		h, err := b.Held()
		require.NoError(t, err)
		assert.Zero(t, h.TypeDrafts)
	})
}

func TestTypesThatCannotTravel(t *testing.T) {
	each(t, func(t *testing.T, b *bus.Bus) {
		_, err := bus.TypeFor[struct{ Name string }](b)
		assert.ErrorContains(t, err, "Name")
		_, err = bus.NewPublisher[tick](b, &bus.PublisherOptions{Type: bus.TypeOptions{Name: strings.Repeat("x", 64)}})
		assert.ErrorIs(t, err, bus.ErrOptions)
		_, err = bus.NewPublisher[tick](b, &bus.PublisherOptions{Type: bus.TypeOptions{Priority: 9}})
		assert.ErrorIs(t, err, bus.ErrOptions)
	})
}

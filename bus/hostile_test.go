package bus

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A durable subscription whose owner is nobody: the search for who has it ends.
func TestDurableRecordThatContradictsItself(t *testing.T) {
	for name, owner := range map[string]int{"Free": 2, "OutOfRange": 4000} {
		t.Run(name, func(t *testing.T) {
			b, err := OpenLocal(&Options{Geometry: tiny()})
			require.NoError(t, err)
			defer b.Close()
			s, err := Subscribe[fuzzed](b, &SubscribeOptions{Durable: "durable", Window: 1})
			require.NoError(t, err)
			b.region.subscribers[s.s.record].state.Store(uint64(makeSub(subActive, owner, 5)))
			_, err = Subscribe[fuzzed](b, &SubscribeOptions{Durable: "durable", Window: 1})
			require.ErrorIs(t, err, ErrCorrupt)
		})
	}
}

// A gate whose owner is nobody is evicted as one of a process that stands still.
func TestGateOfNobody(t *testing.T) {
	geo := tiny()
	geo.Normal.EvictAfter = time.Millisecond
	b, err := OpenLocal(&Options{Geometry: geo})
	require.NoError(t, err)
	defer b.Close()
	s, err := Subscribe[fuzzed](b, &SubscribeOptions{Window: 1})
	require.NoError(t, err)
	b.region.subscribers[s.s.record].state.Store(uint64(makeSub(subActive, 2, 5)))
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	for range 5 * geo.Normal.Capacity {
		require.NoError(t, pub.Publish(context.Background(), &fuzzed{}))
	}
}

// Priorities of a type that cannot be: the record is not used.
func TestTypeRecordWithImpossiblePriorities(t *testing.T) {
	b, err := OpenLocal(&Options{Geometry: tiny()})
	require.NoError(t, err)
	defer b.Close()
	id, err := TypeFor[fuzzed](b)
	require.NoError(t, err)
	record := b.region.types.records[b.region.types.order[id-1].Load()-1]
	for _, p := range []struct{ priority, also byte }{{0, 0}, {5, 0}, {3, 0x10}, {3, 0xff}, {3, 1 << 2}} {
		record[typePriority], record[typeAlso] = p.priority, p.also
		_, err := b.Subscribe(&SubscribeOptions{Types: []TypeID{id}})
		require.ErrorIs(t, err, ErrCorrupt, "%+v", p)
	}
}

// Somebody else writes the cursor while deliveries are out: an error, once, and
// every delivery can still be acked.
func TestAckOnACursorThatIsWritten(t *testing.T) {
	b, err := OpenLocal(&Options{Geometry: tiny()})
	require.NoError(t, err)
	defer b.Close()
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	for range 3 {
		s, err := b.Subscribe(&SubscribeOptions{Window: 2, Priorities: []Priority{Normal}})
		require.NoError(t, err)
		var out []Delivery
		for range 2 {
			require.NoError(t, pub.TryPublish(&fuzzed{}))
			d, err := s.TryTake()
			require.NoError(t, err)
			out = append(out, d)
		}
		b.region.lanes[2].ClearCursor(s.record)
		for _, o := range slices.Backward(out) {
			require.NotPanics(t, o.Ack)
		}
		_, err = s.TryTake()
		require.ErrorIs(t, err, ErrEmpty)
		require.NoError(t, s.Close())
	}
}

package bus

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/word"
)

// A set holds exactly what was put into it, whatever was in it before.
func TestTypeSet(t *testing.T) {
	for _, types := range []int{1, 63, 64, 127, 128, 4096} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			set := bindTypeSet(word.NewMemory(typeSetSize(types)), 0, types)
			for i := range set {
				set[i].Store(^uint64(0))
			}
			for _, step := range []int{1, 2, 3, 64, types} {
				wanted := make([]bool, types+1)
				for i := 1; i <= types; i += step {
					wanted[i] = true
				}
				set.put(wanted)
				require.False(t, set.all())
				for i := 1; i <= types; i++ {
					require.Equal(t, wanted[i], set.has(TypeID(i)), "type %d", i)
				}
			}
			set.put(nil)
			require.True(t, set.all())
			for i := 1; i <= types; i++ {
				require.True(t, set.has(TypeID(i)))
			}
		})
	}
}

// Rubbish in a subscriber record names no types that are not there.
func TestTypeSetOfRubbish(t *testing.T) {
	b, err := OpenLocal(&Options{Geometry: tiny()})
	require.NoError(t, err)
	defer b.Close()
	s, err := Subscribe[fuzzed](b, &SubscribeOptions{Window: 1})
	require.NoError(t, err)
	rec := &b.region.subscribers[s.s.record]
	for i := range rec.types {
		rec.types[i].Store(^uint64(1))
	}
	snap, err := b.Snapshot()
	require.NoError(t, err)
	require.Len(t, snap.Subscribers, 1)
	assert.Len(t, snap.Subscribers[0].Types, len(snap.Types))
	assert.False(t, snap.Subscribers[0].AllTypes)

	pub, err := NewPublisher[fuzzed](b, &PublisherOptions{RequireSubscriber: true})
	require.NoError(t, err)
	for _, owner := range []int{2, 4000} { // nobody, out of range
		rec.state.Store(uint64(makeSub(subActive, owner, 5)))
		err := pub.Publish(context.Background(), &fuzzed{})
		if err != nil {
			assert.ErrorIs(t, err, ErrNoSubscriber)
		}
	}
	rec.state.Store(77)
	assert.ErrorIs(t, pub.Publish(context.Background(), &fuzzed{}), ErrNoSubscriber)
}

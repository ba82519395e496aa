package bus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How much a durable subscription may hold back is any word, and since when it
// has been away any time: publishers are held up by a policy that is one, or by
// none.
func TestHoldOfAnyWord(t *testing.T) {
	geo := tiny()
	geo.Normal.EvictAfter = time.Millisecond
	b, err := OpenLocal(&Options{Geometry: geo})
	require.NoError(t, err)
	defer b.Close()
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	words := []uint64{0, 1, ^uint64(0), 1 << 63, 1<<63 - 1, maxHoldEvents, holdBlock, 1 << holdTimeShift, 0x0101010101010101}
	for _, word := range words {
		for _, since := range words {
			s, err := Subscribe[fuzzed](b, &SubscribeOptions{Durable: "durable", Window: 1})
			require.NoError(t, err)
			rec := &b.region.subscribers[s.s.record]
			rec.hold.Store(word)
			require.NoError(t, s.Close())
			rec.since.Store(since)
			h := hold(word)
			patient := h.policy() == HoldBlock ||
				(h.events() == 0 || h.events() > uint64(geo.Normal.Capacity)) && h.patience() > time.Minute
			for range 5 * geo.Normal.Capacity {
				if patient {
					_ = pub.TryPublish(&fuzzed{})
				} else {
					require.NoError(t, pub.Publish(context.Background(), &fuzzed{}))
				}
			}
			_, err = b.Snapshot()
			require.NoError(t, err)
			require.NoError(t, b.RemoveDurable("durable"))
		}
	}
}

func TestHoldWordKeepsWhatItIsGiven(t *testing.T) {
	for _, o := range []SubscribeOptions{
		{}, {HoldEvents: 1}, {HoldEvents: 1 << 17, HoldFor: time.Hour}, {HoldPolicy: HoldBlock, HoldEvents: 77},
		{HoldFor: time.Microsecond}, {HoldEvents: maxHoldEvents, HoldFor: 400 * 24 * time.Hour},
	} {
		h := makeHold(&o)
		require.Equal(t, SubscribeOptions{HoldEvents: h.events(), HoldFor: h.patience(), HoldPolicy: h.policy()}, o)
	}
	h := makeHold(&SubscribeOptions{HoldEvents: 1 << 40, HoldFor: 1 << 62})
	require.Equal(t, uint64(maxHoldEvents), h.events(), "more than any lane holds")
	require.Greater(t, h.patience(), 400*24*time.Hour)
	require.Equal(t, HoldEvict, h.policy())
}

//go:build !race

// Not for the race detector: slots are written while they are read, on purpose.

package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spoilSlots writes the same bytes over each slot of the normal lane.
func spoilSlots(b *Bus, slot []byte) {
	at := PlacesOf(b.region.geo).Lane[2]
	mem := b.mem.Bytes()
	size := b.region.geo.Normal.SlotSize
	for off := at.Slots; off+size <= at.End; off += size {
		copy(mem[off:off+size], slot)
	}
}

// FuzzSlots publishes events and writes over their slots, before everybody receives
// them who can: by copy and in place, filtered by header, field and function, taken,
// as handlers, servers and clients.
func FuzzSlots(f *testing.F) {
	var h [64]byte
	for _, raw := range []rawHeader{
		makeRaw(1, 0, 0, 16, 0, 0, 0), makeRaw(0, 0, 0, 16, 0, 0, 0), makeRaw(1, 0, 0, 15, 0, 0, 0), makeRaw(^uint32(0), 0, 0, 16, 0, 0, 0),
		makeRaw(4, 0, 0, 16, 0, 5, 0), makeRaw(1, 0xffff, 0xffff, 16, 0, 5, -1), makeRaw(2, 0, 0, 4, 28, 0, 0), makeRaw(1, 0, 0, ^uint32(0), 48, 0, 0),
		makeRaw(1, 0, partCall|requestParts, 8, 0, 1<<63, 1<<62), makeRaw(2, 0, partCall|partReply|2, 4, 0, 0, 0),
	} {
		raw.put(h[:])
		f.Add(h[:])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, slot []byte) {
		b, err := OpenLocal(&Options{Geometry: tiny(), Heal: time.Millisecond, RecoverEvery: time.Hour})
		require.NoError(t, err)
		defer b.Close()
		receiveSpoilt(t, b, slot)
	})
}

func receiveSpoilt(t *testing.T, b *Bus, slot []byte) {
	t.Helper()
	within := func(e *Event) error {
		require.LessOrEqual(t, eventHeader+len(e.Value())+len(e.Tail()), b.region.geo.Normal.SlotSize)
		As[fuzzed](e)
		As[fuzzed2](e)
		e.Call()
		return nil
	}
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	_, err = TypeFor[fuzzed2](b)
	require.NoError(t, err)
	var subs []*Subscription
	for _, filter := range []Filter{
		{}, Keys(5), Field("A").AtLeast(1), Types(1, 2).Or(Sources(0)),
		Not(Match(func(e *Event) bool { return within(e) != nil })), MatchValue(func(v *fuzzed) bool { return v.A != 3 }),
	} {
		s, err := b.Subscribe(&SubscribeOptions{Window: 1, Filter: filter, Priorities: []Priority{Normal}})
		require.NoError(t, err)
		subs = append(subs, s)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	server, err := Serve(b, &ServeOptions{SubscribeOptions: SubscribeOptions{Window: 1}}, func(context.Context, *fuzzed, *Event) (fuzzed2, error) {
		return fuzzed2{}, nil
	})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, pub.TryPublish(&fuzzed{1, 2}))
	}
	spoilSlots(b, slot)
	allow := func(err error) {
		for _, ok := range []error{nil, ErrCorrupt, ErrEmpty, ErrLag, ErrTimeout, context.Canceled} {
			if errors.Is(err, ok) {
				return
			}
		}
		require.NoError(t, err)
	}
	for i, s := range subs {
		for range 4 {
			var err error
			switch i % 3 {
			case 0:
				_, err = s.TryReceive()
			case 1:
				_, err = s.TryViewBatch(2, within)
			default:
				var d Delivery
				if d, err = s.TryTake(); err == nil {
					err = within(d.Event())
					d.Ack()
				}
			}
			allow(err)
		}
	}
	allow(server.Stop(done))
	_, err = b.Snapshot()
	require.NoError(t, err)
	require.NoError(t, b.CheckLanes())
}

// An event of a type that cannot be is no event for who filters by a field, and
// ends nobody.
func TestEventsOfNoType(t *testing.T) {
	for _, typ := range []uint32{0, uint32(tiny().Types) + 1, 1 << 31, ^uint32(0)} {
		b, err := OpenLocal(&Options{Geometry: tiny()})
		require.NoError(t, err)
		var h [64]byte
		raw := makeRaw(typ, 0, 0, 16, 0, 0, 0)
		raw.put(h[:])
		receiveSpoilt(t, b, h[:])
		require.NoError(t, b.Close())
	}
}

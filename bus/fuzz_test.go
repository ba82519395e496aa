package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/shm"
)

// The events of the fuzz targets.
type (
	fuzzed  struct{ A, B uint64 }
	fuzzed2 struct{ A uint32 }
)

// tiny is a geometry in which every word matters.
func tiny() Geometry {
	lane := LaneGeometry{Capacity: 4, SlotSize: 64, Ports: 2, Pins: 8, Batch: 2, EvictAfter: time.Hour}
	return Geometry{Participants: 3, Subscribers: 12, Types: 3, Critical: lane, High: lane, Normal: lane, Low: lane}.withDefaults()
}

// usedRegion returns the memory of a region on which something has happened,
// left as by a process that was killed.
func usedRegion(t testing.TB) (mem *heap, meta []byte) {
	t.Helper()
	geo := tiny()
	meta, err := geo.encode()
	require.NoError(t, err)
	at := geo.layout()
	mem = newHeap(at.size)
	require.NoError(t, formatRegion(mem.Bytes(), &geo))
	b := attached(t, mem, meta)
	use(t, b)
	durable, err := Subscribe[fuzzed](b, &SubscribeOptions{Durable: "durable", Window: 1})
	require.NoError(t, err)
	_, err = Subscribe[fuzzed](b, &SubscribeOptions{Window: 1})
	require.NoError(t, err)
	pub, err := NewPublisher[fuzzed](b, nil)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, pub.TryPublish(&fuzzed{1, 2}))
	}
	_, err = durable.TryReceive()
	require.NoError(t, err)
	for range 2 {
		m, err := Subscribe[fuzzed](b, &SubscribeOptions{Group: "work", Window: 1})
		require.NoError(t, err)
		_, _ = m.TryTake()
	}
	// Nobody closes it: its janitor alone ends.
	close(b.closing)
	<-b.janitorDone
	return mem, meta
}

func attached(t testing.TB, mem *heap, meta []byte) *Bus {
	t.Helper()
	opts, err := (&Options{RecoverEvery: time.Hour, Heal: time.Millisecond}).withDefaults()
	require.NoError(t, err)
	b, err := newBus(mem, opts, meta)
	require.NoError(t, err)
	return b
}

// use does everything once that does not wait. What it returns does not matter:
// that it returns does, and that what it hands out lies within a slot.
func use(t testing.TB, b *Bus) {
	within := func(e *Event) error {
		slot := b.region.geo.Lane(e.Header().Priority).SlotSize
		if n := eventHeader + len(e.Value()) + len(e.Tail()); n > slot {
			t.Errorf("an event of %d bytes in a slot of %d", n, slot)
		}
		As[fuzzed](e)
		return nil
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TypeFor[fuzzed2](b); err != nil {
		t.Log(err)
	}
	var subs []*Subscription
	for _, o := range []SubscribeOptions{
		{Window: 1}, {Durable: "durable", Window: 1, Start: StartOldest}, {Durable: "new", Window: 2, Start: StartOldest},
		{Durable: "patient", Window: 1, Priorities: []Priority{Normal}, Start: StartPosition, OnLag: ResumeNewest, HoldPolicy: HoldBlock, HoldEvents: 2},
		{Group: "work", Window: 1, Types: []TypeID{1}}, {Group: "new", Window: 1, Priorities: []Priority{Normal}},
	} {
		if s, err := b.Subscribe(&o); err == nil {
			subs = append(subs, s)
		}
	}
	pub, err := NewPublisher[fuzzed](b, nil)
	if err == nil {
		for range 6 {
			_ = pub.TryPublishWith(&fuzzed{1, 2}, With{Tail: []byte("tail")})
		}
		_, _ = pub.PublishBatch(done, make([]fuzzed, 5))
		if l, err := pub.Loan(); err == nil {
			l.SetTail(len(l.Tail()))
			if l.TryPublish() != nil {
				l.Discard()
			}
		}
	}
	for _, s := range subs {
		for range 20 {
			if _, err := s.TryViewBatch(4, within); errors.Is(err, ErrEmpty) {
				break
			}
		}
		_ = s.View(done, within)
		if d, err := s.TryTake(); err == nil {
			_ = within(d.Event())
			d.Ack()
		}
		s.Stats()
	}
	call(done, b, within)
	_, _ = b.Snapshot()
	b.recoverDead()
	_ = b.CheckLanes()
	for _, s := range subs {
		_ = s.Remove()
	}
	_ = b.RemoveGroup("work")
	_ = b.RemoveGroup("new")
}

// call uses handlers, a server and a client.
func call(done context.Context, b *Bus, within func(*Event) error) {
	o := SubscribeOptions{Window: 1, Start: StartOldest}
	h, err := b.Handle(&HandlerOptions{SubscribeOptions: o, MaxConcurrent: 2}, func(_ context.Context, e *Event) error { return within(e) })
	if err == nil {
		_ = h.Stop(done)
		defer h.Close()
	}
	s, err := Serve(b, &ServeOptions{SubscribeOptions: o}, func(_ context.Context, req *fuzzed, e *Event) (fuzzed2, error) {
		return fuzzed2{}, within(e)
	})
	if err == nil {
		defer s.Close()
	}
	if c, err := NewClient[fuzzed, fuzzed2](b, &ClientOptions{Window: 1, Timeout: time.Millisecond}); err == nil {
		_, _ = c.Call(context.Background(), &fuzzed{})
		_ = c.Close()
	}
}

// FuzzRegion writes arbitrary words anywhere behind the header of a region: to
// join it and to use it gives errors and losses, never a panic, a hang or memory
// without bounds.
func FuzzRegion(f *testing.F) {
	patch := func(words ...uint64) (b []byte) {
		for i := 0; i < len(words); i += 2 {
			b = binary.LittleEndian.AppendUint16(b, uint16(words[i]))
			b = binary.LittleEndian.AppendUint64(b, words[i+1])
		}
		return b
	}
	geo := tiny()
	at := geo.layout()
	f.Add([]byte(nil))
	body := uint64(at.size-shm.HeaderSize) / 8
	for _, v := range []uint64{0, 1, 3, ^uint64(0), 1 << 63, 1 << 40, 0x0101010101010101} {
		// Every word of the tables, in strides, and the first words of lanes.
		for w := uint64(0); w < body; w += 48 {
			f.Add(patch(w, v, w+1, v, w+8, v))
		}
	}
	mem, meta := usedRegion(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		hostile := guarded(t, len(mem.Bytes()))
		copy(hostile.Bytes(), mem.Bytes())
		words := hostile.Bytes()[shm.HeaderSize:]
		for ; len(data) >= 10; data = data[10:] {
			off := int(binary.LittleEndian.Uint16(data)) * 8 % len(words)
			copy(words[off:off+8], data[2:10])
		}
		hang := time.AfterFunc(time.Minute, func() { panic("it hangs") })
		defer hang.Stop()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b := attached(t, hostile, meta)
		use(t, b)
		_ = b.Close()
		for b.region.participants[b.self].state.Load() != participantFree {
			runtime.Gosched() // who minds the end of a context may be the last to use the memory
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("it allocated %d bytes", n)
		}
	})
}

// FuzzEvent reads arbitrary bytes as an event.
func FuzzEvent(f *testing.F) {
	var h [64]byte
	makeRaw(1, 2, 1, 8, 16, 3, 4).put(h[:])
	f.Add(h[:])
	f.Add(make([]byte, eventHeader))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff............................"))
	l := &lane{priority: Normal}
	f.Fuzz(func(t *testing.T, slot []byte) {
		if len(slot) < eventHeader {
			return
		}
		var e Event
		if err := e.set(l, slot, 7); err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		require.LessOrEqual(t, eventHeader+len(e.Value())+len(e.Tail()), len(slot))
		c, ok := e.Call()
		require.True(t, ok || c == CallInfo{})
		var again [eventHeader]byte
		e.raw.put(again[:])
		require.Equal(t, slot[:eventHeader], again[:])
	})
}

// FuzzTypes reads arbitrary bytes as a type's record, and registers others beside it.
func FuzzTypes(f *testing.F) {
	mem, meta := usedRegion(f)
	geo := tiny()
	at := geo.layout()
	f.Add(mem.Bytes()[at.typeOrder:at.typeOrder+24], mem.Bytes()[at.typeRecords:at.typeRecords+typeSize])
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{})
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 0}, []byte{15: 255})
	f.Fuzz(func(t *testing.T, order, record []byte) {
		hostile := newHeap(len(mem.Bytes()))
		copy(hostile.Bytes(), mem.Bytes())
		copy(hostile.Bytes()[at.typeOrder:at.typeOrder+24], order)
		copy(hostile.Bytes()[at.typeRecords:at.typeRecords+typeSize], record)
		b := attached(t, hostile, meta)
		for i := range b.region.types.order {
			if ti, err := b.region.types.at(i); err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
			} else if ti != nil {
				_ = fmt.Sprint(ti.name, ti.layout)
			}
		}
		_, _ = TypeFor[fuzzed](b)
		_, _ = TypeFor[fuzzed2](b)
		b.recoverDead()
		_, err := b.Snapshot()
		require.NoError(t, err)
		_ = b.Close()
	})
}

// FuzzGeometry reads arbitrary bytes as the geometry in a region's header.
func FuzzGeometry(f *testing.F) {
	geo := tiny()
	good, err := geo.encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"participants":1e30}`))
	ring := (&StaticOptions{}).geometry()
	ring = ring.withStaticDefaults(8)
	ring.static = staticOf{Ring: "ring", Region: "region"}
	static, err := ring.encode()
	require.NoError(f, err)
	f.Add(static)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := decodeGeometry(b)
		if len(b) == 0 {
			require.ErrorIs(t, err, ErrForeign)
			return
		}
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		l := g.layout()
		require.Positive(t, l.size)
		if _, err := bindRegion(make([]byte, 1<<16), g, nil); l.size > 1<<16 {
			require.ErrorIs(t, err, ErrCorrupt)
		}
	})
}

package events_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
)

// sizes pins what processes agree on: who changes a line here changes the layout
// of events, and all processes of a switch must be built anew.
var sizes = []struct {
	name     string
	region   string
	priority bus.Priority
	size     int
}{
	{"IncomingCall", "rvoip.incoming-call", bus.Critical, 712},
	{"CallStateChanged", "rvoip.call-state-changed", bus.Critical, 264},
	{"CallCommand", "rvoip.call-command", bus.Critical, 632},
	{"CallReply", "rvoip.call-reply", bus.Critical, 304},
	{"DialogEvent", "rvoip.dialog-event", bus.Critical, 376},
	{"TransferEvent", "rvoip.transfer-event", bus.Critical, 560},
	{"SDPEvent", "rvoip.sdp-event", bus.Critical, 128},
	{"MediaStart", "rvoip.media-start", bus.Critical, 136},
	{"MediaStop", "rvoip.media-stop", bus.Critical, 120},
	{"MediaCommand", "rvoip.media-command", bus.Critical, 360},
	{"MediaEvent", "rvoip.media-event", bus.Critical, 200},
	{"Lifecycle", "rvoip.lifecycle", bus.Critical, 160},
	{"SIPMessage", "rvoip.sip-message", bus.High, 128},
	{"TransactionEvent", "rvoip.transaction-event", bus.High, 168},
	{"TransportEvent", "rvoip.transport-event", bus.High, 184},
	{"Register", "rvoip.register", bus.High, 672},
	{"Notification", "rvoip.notification", bus.High, 480},
	{"TextMessage", "rvoip.text-message", bus.High, 448},
	{"DTMF", "rvoip.dtmf", bus.High, 96},
	{"StreamReport", "rvoip.stream-report", bus.High, 128},
	{"RTPPacket", "rvoip.rtp-packet", bus.Normal, 32},
	{"RTPSend", "rvoip.rtp-send", bus.Normal, 32},
	{"RTPStream", "rvoip.rtp-stream", bus.Normal, 72},
	{"MediaFrame", "rvoip.media-frame", bus.Normal, 40},
	{"RTPStats", "rvoip.rtp-stats", bus.Low, 136},
	{"RTCPReport", "rvoip.rtcp-report", bus.Low, 88},
	{"MediaQuality", "rvoip.media-quality", bus.Low, 112},
	{"Metric", "rvoip.metric", bus.Low, 152},
	{"LogLine", "rvoip.log-line", bus.Low, 168},
}

// also are the further lanes of types that have some.
var also = map[string][]bus.Priority{"SIPMessage": {bus.Critical}, "MediaQuality": {bus.High}}

func TestCatalogue(t *testing.T) {
	all := events.Catalogue()
	require.Len(t, all, len(sizes))
	for i, want := range sizes {
		e := all[i]
		assert.Equal(t, want.name, e.Go)
		assert.Equal(t, want.region, e.Name, want.name)
		assert.Equal(t, want.priority, e.Priority, want.name)
		assert.Equal(t, want.size, e.Size, want.name)
		assert.Equal(t, also[want.name], e.Also, want.name)
		l, err := e.Layout()
		require.NoError(t, err)
		assert.Equal(t, e.Size, l.Size, want.name)
		assert.Less(t, l.Padding, 8, "%s: its fields leave more gaps than they must", want.name)
		assert.Equal(t, want.priority == bus.Critical || hasRef(l), hasRef(l), "%s: control says whose call it is, and whose session", want.name)
	}
	all[0].Name = "changed"
	assert.NotEqual(t, "changed", events.Catalogue()[0].Name, "it is the caller's copy")
}

func hasRef(l *codec.Layout) bool { return strings.Contains(l.FieldList(), "Ref.Call uint64") }

// buses runs f on a bus of each kind.
func buses(t *testing.T, g bus.Geometry, f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	run := func(name string, b *bus.Bus, err error) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, err)
			defer func() { assert.NoError(t, b.Close()) }()
			f(t, b)
		})
	}
	o := &bus.Options{Dir: t.TempDir(), Geometry: g}
	b, err := bus.OpenLocal(o)
	run("Local", b, err)
	if runtime.GOOS == "linux" {
		b, err = bus.Open("switch", o)
		run("Shared", b, err)
	}
}

func TestDeclare(t *testing.T) {
	buses(t, events.Geometry(), func(t *testing.T, b *bus.Bus) {
		require.NoError(t, events.Declare(b))
		require.NoError(t, events.Declare(b), "and again")
		s, err := b.Snapshot()
		require.NoError(t, err)
		require.Len(t, s.Types, len(sizes))
		for i, typ := range s.Types {
			assert.Equal(t, sizes[i].region, typ.Name)
		}

		ids, err := events.Types(b, events.RTPPacket{}, events.IncomingCall{})
		require.NoError(t, err)
		packet, err := bus.TypeFor[events.RTPPacket](b)
		require.NoError(t, err)
		call, err := bus.TypeFor[events.IncomingCall](b)
		require.NoError(t, err)
		assert.Equal(t, []bus.TypeID{packet, call}, ids)
	})
}

// another stands for the same type of another version.
type another struct{ State uint8 }

func (another) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "rvoip.call-state-changed", Priority: bus.Critical}
}

func TestDeclareMeetsAnotherVersion(t *testing.T) {
	buses(t, events.Geometry(), func(t *testing.T, b *bus.Bus) {
		_, err := bus.TypeFor[another](b)
		require.NoError(t, err)
		var schema *bus.SchemaError
		require.ErrorAs(t, events.Declare(b), &schema)
		assert.Equal(t, "rvoip.call-state-changed", schema.Type)
		_, err = events.Types(b, events.CallStateChanged{})
		require.ErrorIs(t, err, bus.ErrSchema)
		_, err = events.Types(b, another{})
		require.ErrorIs(t, err, bus.ErrOptions)
		assert.ErrorContains(t, err, "bus.TypeFor")
	})
}

func TestGeometryFits(t *testing.T) {
	const shm = 64 << 20 // what containers give to /dev/shm
	assert.Equal(t, 48, mib(events.Geometry()), "say so in its documentation")
	assert.Equal(t, 55, mib(events.LargeGeometry()), "say so in its documentation")
	for name, g := range map[string]bus.Geometry{"Geometry": events.Geometry(), "LargeGeometry": events.LargeGeometry()} {
		assert.Less(t, g.Size(), shm*7/8, name)
		assert.Less(t, len(sizes), g.Types/2, "%s: there is room for types of others", name)
		least := map[bus.Priority]int{}
		for _, e := range events.Catalogue() {
			room := g.Lane(e.Priority).SlotSize - 32 - e.Size
			if at, ok := least[e.Priority]; !ok || room < at {
				least[e.Priority] = room
			}
		}
		if name == "Geometry" {
			assert.Equal(t, map[bus.Priority]int{bus.Critical: 1304, bus.High: 2368, bus.Normal: 664, bus.Low: 312}, least,
				"the room for a tail behind the largest value of each lane: say so in its documentation")
			continue
		}
		assert.GreaterOrEqual(t, least[bus.Critical], events.LargeTail)
		assert.GreaterOrEqual(t, least[bus.High], events.LargeTail)
	}
}

// mib rounds up.
func mib(g bus.Geometry) int { return (g.Size() + 1<<20 - 1) >> 20 }

// What a lane has room for: audio as it is sent, and no more than the slot.
func TestTails(t *testing.T) {
	buses(t, events.Geometry(), func(t *testing.T, b *bus.Bus) {
		packets, err := bus.NewPublisher[events.RTPPacket](b, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, packets.MaxTail(), 12+160, "G.711, 20 ms")
		assert.GreaterOrEqual(t, packets.MaxTail(), 12+640, "16 bit at 16 kHz, 20 ms")
		frames, err := bus.NewPublisher[events.MediaFrame](b, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, frames.MaxTail(), 640)

		sip, err := bus.NewPublisher[events.SIPMessage](b, nil)
		require.NoError(t, err)
		err = sip.TryPublishWith(&events.SIPMessage{}, bus.With{Tail: make([]byte, events.LargeTail)})
		var size *bus.SizeError
		require.ErrorAs(t, err, &size)
		assert.Equal(t, bus.SizeError{Lane: "high/0", Need: 32 + 128 + events.LargeTail, Slot: 3072}, *size)
		for _, word := range []string{"high/0", "65696", "3072", "Geometry.High.SlotSize 65728"} {
			assert.ErrorContains(t, err, word)
		}
	})
	buses(t, events.LargeGeometry(), func(t *testing.T, b *bus.Bus) {
		large := make([]byte, events.LargeTail)
		for i := range large {
			large[i] = byte(i)
		}
		echo[events.SIPMessage](t, b, large)
		echo[events.IncomingCall](t, b, large)
		echo[events.Register](t, b, large)
		calls, err := bus.NewClient[events.CallCommand, events.CallReply](b, nil)
		require.NoError(t, err)
		defer calls.Close()
		assert.GreaterOrEqual(t, calls.MaxTail(), events.LargeTail, "also in requests, which have a longer header")
	})
}

// echo publishes an event of a tail and receives it.
func echo[T any](t *testing.T, b *bus.Bus, tail []byte) {
	t.Helper()
	sub, err := bus.Subscribe[T](b, nil)
	require.NoError(t, err)
	pub, err := bus.NewPublisher[T](b, nil)
	require.NoError(t, err)
	var v T
	require.NoError(t, pub.PublishWith(context.Background(), &v, bus.With{Key: 7, Tail: tail}))
	m, err := sub.TryReceive()
	require.NoError(t, err)
	assert.Equal(t, tail, m.Tail)
	require.NoError(t, sub.Close())
}

// The fields that the documentation names are there to filter by.
func TestFieldsToFilterBy(t *testing.T) {
	b, err := bus.OpenLocal(&bus.Options{Geometry: events.Geometry()})
	require.NoError(t, err)
	defer b.Close()
	filtered := func(f bus.Filter, of bus.EventTyper) {
		types, err := events.Types(b, of)
		require.NoError(t, err)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Types: types, Filter: f})
		require.NoError(t, err)
		require.NoError(t, sub.Close())
	}
	filtered(bus.Field("State").In(events.CallFailed, events.CallCancelled), events.CallStateChanged{})
	filtered(bus.Field("Ref.Session").HasPrefix("session-"), events.IncomingCall{})
	filtered(bus.Field("ID.Method").Is(events.MethodInvite), events.SIPMessage{})
	filtered(bus.Field("Quality.Severity").AtLeast(events.SeverityWarning), events.MediaQuality{})
	filtered(bus.Field("To").HasPrefix("sip:+49"), events.Register{})
}

// What is urgent comes first, to subscribers that have said nothing of it.
func TestUrgency(t *testing.T) {
	buses(t, events.Geometry(), func(t *testing.T, b *bus.Bus) {
		pub, err := bus.NewPublisher[events.SIPMessage](b, nil)
		require.NoError(t, err)
		sub, err := bus.Subscribe[events.SIPMessage](b, nil)
		require.NoError(t, err)
		defer sub.Close()
		for _, m := range []events.SIPMessage{
			{ID: events.TransactionID{Method: events.MethodInvite}},
			{ID: events.TransactionID{Method: events.MethodBye}, Status: 200},
			{ID: events.TransactionID{Method: events.MethodBye}},
		} {
			require.NoError(t, pub.TryPublishWith(&m, bus.With{Key: 1, Priority: m.Urgency()}))
		}
		for _, want := range []events.TransactionID{{Method: events.MethodBye}, {Method: events.MethodInvite}, {Method: events.MethodBye}} {
			m, err := sub.TryReceive()
			require.NoError(t, err)
			assert.Equal(t, want, m.Value.ID)
		}
	})
	assert.Equal(t, bus.Low, (&events.MediaQuality{}).Urgency())
	assert.Equal(t, bus.Low, (&events.MediaQuality{Quality: events.Quality{Severity: events.SeverityInfo}}).Urgency())
	assert.Equal(t, bus.High, (&events.MediaQuality{Quality: events.Quality{Severity: events.SeverityWarning}}).Urgency())
}

// The events of a call keep their order, also where a priority has several lanes.
func TestACallKeepsItsOrder(t *testing.T) {
	buses(t, events.Geometry(), func(t *testing.T, b *bus.Bus) {
		types, err := events.Types(b, events.CallStateChanged{}, events.MediaStart{})
		require.NoError(t, err)
		sub, err := b.Subscribe(&bus.SubscribeOptions{Types: types})
		require.NoError(t, err)
		defer sub.Close()
		states, err := bus.NewPublisher[events.CallStateChanged](b, nil)
		require.NoError(t, err)
		starts, err := bus.NewPublisher[events.MediaStart](b, nil)
		require.NoError(t, err)
		const calls, rounds = 20, 5
		for round := range rounds {
			for call := range calls {
				ref := events.Ref{Call: events.CallKey(string(rune('a' + call)))}
				require.NoError(t, states.TryPublishWith(&events.CallStateChanged{Ref: ref, Seq: uint32(round)}, bus.With{Key: ref.Call}))
				require.NoError(t, starts.TryPublishWith(&events.MediaStart{Ref: ref, SSRC: uint32(round)}, bus.With{Key: ref.Call}))
			}
		}
		got, shards := map[uint64][]uint32{}, map[int]bool{}
		n, err := sub.TryViewBatch(2*calls*rounds, func(e *bus.Event) error {
			shards[e.Header().Shard] = true
			if v, ok := bus.As[events.CallStateChanged](e); ok {
				got[v.Call] = append(got[v.Call], 2*v.Seq)
			} else if v, ok := bus.As[events.MediaStart](e); ok {
				got[v.Call] = append(got[v.Call], 2*v.SSRC+1)
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 2*calls*rounds, n)
		require.Len(t, got, calls)
		for _, seqs := range got {
			assert.Equal(t, []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, seqs)
		}
		assert.Greater(t, len(shards), 1, "the calls are spread over the shards")
	})
}

// Any content of shared memory is safe to read and to print.
func TestForeignBytes(t *testing.T) {
	for _, e := range events.Catalogue() {
		l, err := e.Layout()
		require.NoError(t, err)
		b := make([]byte, e.Size)
		for _, fill := range []byte{0, 0x7f, 0xff} {
			for i := range b {
				b[i] = fill
			}
			assert.NotPanics(t, func() { _ = l.Format(b) }, e.Go)
		}
	}
}

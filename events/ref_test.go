package events_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
)

const session = "session-6ba7b810-9dad-11d1-80b4-00c04fd430c8"

func TestRef(t *testing.T) {
	require.Len(t, session, 44)
	r, err := events.NewRef("a84b4c76e66710", session)
	require.NoError(t, err)
	assert.Equal(t, codec.Hash("a84b4c76e66710"), r.Call)
	assert.Equal(t, r.Call, events.CallKey("a84b4c76e66710"))
	assert.Equal(t, session, r.Session.String())

	_, err = events.NewRef("a84b4c76e66710", session+"xyz")
	require.ErrorIs(t, err, codec.ErrTooLong)
	assert.ErrorContains(t, err, "session-6ba7b810")
}

func TestAddr(t *testing.T) {
	for _, s := range []string{"192.0.2.1:5060", "[2001:db8::1]:5060", "0.0.0.0:0"} {
		a := netip.MustParseAddrPort(s)
		assert.Equal(t, a, events.AddrFrom(a).AddrPort())
		assert.Equal(t, s, events.AddrFrom(a).String())
		assert.True(t, events.AddrFrom(a).IsValid())
	}
	assert.Equal(t, "192.0.2.1:5060", events.AddrFrom(netip.MustParseAddrPort("[::ffff:192.0.2.1]:5060")).String())
	assert.Equal(t, "[fe80::1]:1", events.AddrFrom(netip.MustParseAddrPort("[fe80::1%eth0]:1")).String())

	none := events.AddrFrom(netip.AddrPort{})
	assert.Zero(t, none)
	assert.False(t, none.IsValid())
	assert.Equal(t, "none", none.String())
	assert.Zero(t, none.AddrPort())
}

func TestSplit(t *testing.T) {
	var s events.Split
	tail := s.Join(nil, []byte("v=0\r\n"), []byte("Subject: tea\r\n"))
	sdp, headers, ok := s.Of(tail)
	require.True(t, ok)
	assert.Equal(t, "v=0\r\n", string(sdp))
	assert.Equal(t, "Subject: tea\r\n", string(headers))
	assert.Equal(t, len(sdp), cap(sdp), "appending to a part does not write into the next")

	memory := tail
	tail = s.Join(memory[:0], nil, []byte("x"))
	sdp, headers, ok = s.Of(tail)
	require.True(t, ok)
	assert.Empty(t, sdp)
	assert.Equal(t, "x", string(headers))

	for _, s := range []events.Split{{First: 6}, {Second: 6}, {First: 3, Second: 3}, {First: math.MaxUint32, Second: math.MaxUint32}, {First: 1, Second: math.MaxUint32}} {
		_, _, ok := s.Of(make([]byte, 5))
		assert.False(t, ok, "%+v", s)
	}
}

func TestPayloadOutsideTheTail(t *testing.T) {
	tail := make([]byte, 172)
	p := events.RTPPacket{Offset: 12, Length: 160}
	payload, ok := p.Payload(tail)
	require.True(t, ok)
	assert.Len(t, payload, 160)

	for _, p := range []events.RTPPacket{{Offset: 12, Length: 161}, {Offset: 173}, {Offset: math.MaxUint16, Length: math.MaxUint16}} {
		_, ok := p.Payload(tail)
		assert.False(t, ok, "%+v", p)
	}
}

func TestFinalStates(t *testing.T) {
	for s := range events.CallState(20) {
		want := s == events.CallTerminated || s == events.CallCancelled || s == events.CallFailed
		assert.Equal(t, want, s.Final(), s)
	}
}

// Every constant has a name of its own, and a number that is none is shown.
func TestNames(t *testing.T) {
	enum := func(last fmt.Stringer, of func(uint8) fmt.Stringer) {
		t.Helper()
		seen := map[string]bool{}
		n := uint8(0)
		for ; ; n++ {
			v := of(n)
			name := v.String()
			assert.NotEmpty(t, name)
			assert.False(t, seen[name], "%T %d is called %q, like another", v, n, name)
			seen[name] = true
			if v == last {
				break
			}
			require.Less(t, n, uint8(100))
		}
		assert.Equal(t, "unspecified", of(0).String())
		assert.Regexp(t, `\(255\)$`, of(255).String())
		assert.Regexp(t, fmt.Sprintf(`\(%d\)$`, n+1), of(n+1).String(), "%T: a constant has no name, or a name no constant", last)
	}
	enum(events.Outbound, func(n uint8) fmt.Stringer { return events.Direction(n) })
	enum(events.RoleUAS, func(n uint8) fmt.Stringer { return events.Role(n) })
	enum(events.TransportWSS, func(n uint8) fmt.Stringer { return events.Transport(n) })
	enum(events.MethodUpdate, func(n uint8) fmt.Stringer { return events.Method(n) })
	enum(events.SeverityCritical, func(n uint8) fmt.Stringer { return events.Severity(n) })
	enum(events.SideServer, func(n uint8) fmt.Stringer { return events.Side(n) })
	enum(events.TransportKeepAlive, func(n uint8) fmt.Stringer { return events.TransportKind(n) })
	enum(events.TransactionTerminated, func(n uint8) fmt.Stringer { return events.TransactionState(n) })
	enum(events.TransactionEnded, func(n uint8) fmt.Stringer { return events.TransactionKind(n) })
	enum(events.CallFailed, func(n uint8) fmt.Stringer { return events.CallState(n) })
	enum(events.CauseError, func(n uint8) fmt.Stringer { return events.Cause(n) })
	enum(events.ActionBind, func(n uint8) fmt.Stringer { return events.Action(n) })
	enum(events.DialogTerminated, func(n uint8) fmt.Stringer { return events.DialogState(n) })
	enum(events.DialogError, func(n uint8) fmt.Stringer { return events.DialogKind(n) })
	enum(events.TransferAttended, func(n uint8) fmt.Stringer { return events.TransferKind(n) })
	enum(events.TransferFailed, func(n uint8) fmt.Stringer { return events.TransferState(n) })
	enum(events.LifecycleAllStopped, func(n uint8) fmt.Stringer { return events.LifecycleState(n) })
	enum(events.RegisterExpired, func(n uint8) fmt.Stringer { return events.RegisterKind(n) })
	enum(events.NotifyTerminated, func(n uint8) fmt.Stringer { return events.NotifyKind(n) })
	enum(events.MessageFailed, func(n uint8) fmt.Stringer { return events.MessageKind(n) })
	enum(events.DTMFInBand, func(n uint8) fmt.Stringer { return events.DTMFSource(n) })
	enum(events.FlowSendRecv, func(n uint8) fmt.Stringer { return events.Flow(n) })
	enum(events.SDPFailed, func(n uint8) fmt.Stringer { return events.SDPKind(n) })
	enum(events.MediaStopPlaying, func(n uint8) fmt.Stringer { return events.MediaAction(n) })
	enum(events.MediaProcessingChanged, func(n uint8) fmt.Stringer { return events.MediaKind(n) })
	enum(events.FrameWanted, func(n uint8) fmt.Stringer { return events.FrameKind(n) })
	enum(events.StreamEnded, func(n uint8) fmt.Stringer { return events.StreamKind(n) })
	enum(events.RTCPApp, func(n uint8) fmt.Stringer { return events.RTCPKind(n) })
	enum(events.MetricHistogram, func(n uint8) fmt.Stringer { return events.MetricKind(n) })

	for m := events.MethodInvite; m <= events.MethodUpdate; m++ {
		assert.Equal(t, m, events.MethodOf(m.String()))
	}
	for _, other := range []string{"", "unspecified", "other", "invite", "BREW"} {
		assert.Equal(t, events.MethodOther, events.MethodOf(other))
	}
}

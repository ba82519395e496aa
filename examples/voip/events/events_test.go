package events_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTypesFitTheBus(t *testing.T) {
	check[events.CallState](t)
	check[events.MediaPort](t)
	check[events.SIPMessage](t)
	check[events.RTPPacket](t)
	check[events.StreamEnd](t)
	check[events.MediaQuality](t)
	check[events.StreamReport](t)
}

func check[T any](t *testing.T) {
	t.Helper()
	_, err := codec.Of[T]()
	require.NoError(t, err)
}

func TestAddr(t *testing.T) {
	a := netip.MustParseAddrPort("192.0.2.1:5060")
	assert.Equal(t, a, events.AddrFrom(a).AddrPort())
	assert.Zero(t, events.AddrFrom(netip.MustParseAddrPort("[2001:db8::1]:5060")))
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

func TestStates(t *testing.T) {
	assert.Equal(t, "confirmed", events.Confirmed.String())
	assert.Equal(t, "invalid", events.State(200).String())
	assert.False(t, events.Confirmed.Final())
	assert.True(t, events.Cancelled.Final())
}

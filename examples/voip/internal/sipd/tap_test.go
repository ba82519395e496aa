package sipd

import (
	"strings"
	"testing"

	"github.com/rvoip/shmbus/events"
	"github.com/stretchr/testify/assert"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		method    events.Method
		status    uint16
		call      uint64
	}{
		{"request", "INVITE sip:a@b SIP/2.0\nCall-ID: x@y\nCSeq: 1 INVITE\n\nCall-ID: body\n", events.MethodInvite, 0, events.CallKey("x@y")},
		{"response", "SIP/2.0 180 Ringing\nCSeq: 1 INVITE\ni:x@y\n\n", events.MethodInvite, 180, events.CallKey("x@y")},
		{"odd case", "BYE sip:a@b SIP/2.0\nCALL-ID :  x@y \n\n", events.MethodBye, 0, events.CallKey("x@y")},
		{"no call", "OPTIONS sip:a@b SIP/2.0\n", events.MethodOptions, 0, 0},
		{"garbage", "\x00\xff:::\n\n\n", events.MethodOther, 0, 0},
		{"status out of range", "SIP/2.0 99999 No\n", 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(strings.ReplaceAll(c.raw, "\n", "\r\n"))
			var m events.SIPMessage
			describe(&m, raw)
			assert.Equal(t, c.method, m.ID.Method)
			assert.Equal(t, c.status, m.Status)
			assert.Equal(t, c.call, m.Call)
			assert.EqualValues(t, len(raw), m.Length)
		})
	}
}

func TestDescribeTransaction(t *testing.T) {
	raw := []byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;rport;Branch=z9hG4bK1, SIP/2.0/UDP c;branch=z9hG4bK3\r\n" +
		"Via: SIP/2.0/UDP b;branch=z9hG4bK2\r\nCSeq: 7 BYE\r\n\r\n")
	for d, want := range map[events.Direction]events.Side{events.Inbound: events.SideClient, events.Outbound: events.SideServer} {
		m := events.SIPMessage{Direction: d}
		describe(&m, raw)
		assert.EqualValues(t, 7, m.CSeq)
		assert.Equal(t, events.MethodBye, m.ID.Method)
		assert.Equal(t, "z9hG4bK1", m.ID.Branch.String())
		assert.Equal(t, want, m.ID.Side)
	}
	m := events.SIPMessage{Direction: events.Inbound}
	describe(&m, []byte("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n"))
	assert.Equal(t, events.SideServer, m.ID.Side)
	assert.Zero(t, m.ID.Branch)
}

func TestKeepAliveIsNoMessage(t *testing.T) {
	assert.False(t, isSIP([]byte("\r\n\r\n")))
	assert.False(t, isSIP(nil))
	assert.True(t, isSIP([]byte("ACK sip:a@b SIP/2.0\r\n\r\n")))
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m events.SIPMessage
		describe(&m, raw)
		assert.EqualValues(t, len(raw), m.Length)
	})
}

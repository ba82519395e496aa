package sipd

import (
	"strings"
	"testing"

	"github.com/rvoip/shmbus/examples/voip/events"
	"github.com/stretchr/testify/assert"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name, raw, method string
		status            uint16
		call              uint64
	}{
		{"request", "INVITE sip:a@b SIP/2.0\nCall-ID: x@y\nCSeq: 1 INVITE\n\nCall-ID: body\n", "INVITE", 0, events.CallKey("x@y")},
		{"response", "SIP/2.0 180 Ringing\nCSeq: 1 INVITE\ni:x@y\n\n", "INVITE", 180, events.CallKey("x@y")},
		{"odd case", "BYE sip:a@b SIP/2.0\nCALL-ID :  x@y \n\n", "BYE", 0, events.CallKey("x@y")},
		{"no call", "OPTIONS sip:a@b SIP/2.0\n", "OPTIONS", 0, 0},
		{"garbage", "\x00\xff:::\n\n\n", "\x00\xff:::", 0, 0},
		{"status out of range", "SIP/2.0 99999 No\n", "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(strings.ReplaceAll(c.raw, "\n", "\r\n"))
			var m events.SIPMessage
			describe(&m, raw)
			assert.Equal(t, c.method, m.Method.String())
			assert.Equal(t, c.status, m.Status)
			assert.Equal(t, c.call, m.Call)
			assert.EqualValues(t, len(raw), m.Length)
		})
	}
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

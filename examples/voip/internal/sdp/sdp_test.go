package sdp_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	const head = "v=0\no=- 1 1 IN IP4 10.0.0.9\ns=-\n"
	for _, c := range []struct {
		name, body, addr string
		payload          uint8
	}{
		{"session address", head + "c=IN IP4 10.0.0.1\nt=0 0\nm=audio 6000 RTP/AVP 0 8 101\n", "10.0.0.1:6000", sdp.PCMU},
		{"media address wins", head + "c=IN IP4 10.0.0.1\nm=audio 6000 RTP/AVP 8\nc=IN IP4 10.0.0.2\n", "10.0.0.2:6000", sdp.PCMA},
		{"offerer's order", head + "c=IN IP4 10.0.0.1\nm=audio 6000 RTP/AVP 96 8 0\n", "10.0.0.1:6000", sdp.PCMA},
		{"video first", head + "c=IN IP4 10.0.0.1\nm=video 7000 RTP/AVP 31\nm=audio 6000 RTP/AVP 0\n", "10.0.0.1:6000", sdp.PCMU},
		{"video's address after", head + "c=IN IP4 10.0.0.1\nm=audio 6000 RTP/AVP 0\nm=video 7000 RTP/AVP 31\nc=IN IP4 10.0.0.3\n", "10.0.0.1:6000", sdp.PCMU},
		{"refused audio, then audio", head + "c=IN IP4 10.0.0.1\nm=audio 0 RTP/AVP 0\nm=audio 6002/2 RTP/AVP 0\n", "10.0.0.1:6002", sdp.PCMU},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := sdp.Parse([]byte(strings.ReplaceAll(c.body, "\n", "\r\n")))
			require.NoError(t, err)
			assert.Equal(t, sdp.Audio{Addr: netip.MustParseAddrPort(c.addr), Payload: c.payload}, got)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"empty":        "",
		"no address":   "v=0\r\nm=audio 6000 RTP/AVP 0\r\n",
		"IPv6":         "c=IN IP6 ::1\r\nm=audio 6000 RTP/AVP 0\r\n",
		"other codec":  "c=IN IP4 10.0.0.1\r\nm=audio 6000 RTP/AVP 9 96\r\n",
		"secure media": "c=IN IP4 10.0.0.1\r\nm=audio 6000 RTP/SAVP 0\r\n",
		"port":         "c=IN IP4 10.0.0.1\r\nm=audio 66000 RTP/AVP 0\r\n",
		"cut":          "c=IN IP4 10.0.0.1\r\nm=audio\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdp.Parse([]byte(body))
			assert.ErrorIs(t, err, sdp.ErrNotAcceptable)
		})
	}
}

func TestBodyReadsBack(t *testing.T) {
	for _, payload := range []uint8{sdp.PCMU, sdp.PCMA} {
		want := sdp.Audio{Addr: netip.MustParseAddrPort("127.0.0.1:40000"), Payload: payload}
		got, err := sdp.Parse(want.Body(1<<64-1, "recvonly"))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("c=IN IP4 10.0.0.1\r\nm=audio 6000 RTP/AVP 0\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := sdp.Parse(body)
		if err != nil {
			return
		}
		again, err := sdp.Parse(a.Body(1, "sendrecv"))
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}

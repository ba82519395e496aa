// Package sdp reads the offers that a G.711 switch can take and writes its answers:
// one audio stream over RTP/AVP, IPv4, PCMU or PCMA. It is that corner of RFC 4566
// and RFC 3264, and no more.
package sdp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// RTP payload types of RFC 3551.
const (
	PCMU uint8 = 0
	PCMA uint8 = 8
)

// ContentType is what a SIP message with such a body says in its header.
const ContentType = "application/sdp"

// ErrNotAcceptable reports an offer without anything that this switch can do. In
// SIP that is a 488.
var ErrNotAcceptable = errors.New("sdp: offer has no PCMU or PCMA audio over RTP/AVP and IPv4")

// Audio is one side of a call's audio.
type Audio struct {
	Addr    netip.AddrPort // where it wants to receive
	Payload uint8          // PCMU or PCMA
}

// Name returns the encoding's name, as in an rtpmap line.
func (a Audio) Name() string {
	if a.Payload == PCMA {
		return "PCMA"
	}
	return "PCMU"
}

// Parse reads a session description and returns its first usable audio stream,
// with the payload type that the offerer likes best among those known here.
func Parse(body []byte) (Audio, error) {
	var session, media netip.Addr
	var a Audio
	port, inAudio := uint16(0), false
	for line := range bytes.Lines(body) {
		kind, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), "=")
		if !ok {
			continue
		}
		switch kind {
		case "m":
			if port != 0 {
				inAudio = false // lines of a further stream
				continue
			}
			a.Payload, port, inAudio = parseMedia(value)
		case "c":
			switch ip := parseConnection(value); {
			case port == 0 && !inAudio:
				session = ip
			case inAudio:
				media = ip
			}
		}
	}
	if !media.IsValid() {
		media = session
	}
	if port == 0 || !media.IsValid() {
		return Audio{}, ErrNotAcceptable
	}
	a.Addr = netip.AddrPortFrom(media, port)
	return a, nil
}

// parseMedia reads "audio 6000 RTP/AVP 0 8 101". Port 0 stands for a stream that
// is refused or of no use here.
func parseMedia(value string) (payload uint8, port uint16, ok bool) {
	f := strings.Fields(value)
	if len(f) < 4 || f[0] != "audio" || f[2] != "RTP/AVP" {
		return 0, 0, false
	}
	p, err := strconv.ParseUint(strings.SplitN(f[1], "/", 2)[0], 10, 16)
	if err != nil || p == 0 {
		return 0, 0, false
	}
	for _, pt := range f[3:] {
		switch pt {
		case "0":
			return PCMU, uint16(p), true
		case "8":
			return PCMA, uint16(p), true
		}
	}
	return 0, 0, false
}

// parseConnection reads "IN IP4 192.0.2.1".
func parseConnection(value string) netip.Addr {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(f[2])
	if err != nil || !ip.Is4() {
		return netip.Addr{}
	}
	return ip
}

// Body returns a session description with a as its only stream, in 20 ms packets.
// mode is "sendrecv", "sendonly" or "recvonly".
func (a Audio) Body(session uint64, mode string) []byte {
	name := "PCMU"
	if a.Payload == PCMA {
		name = "PCMA"
	}
	id := session >> 1 // some peers keep it in a signed number
	return fmt.Appendf(nil, "v=0\r\n"+
		"o=shmbus %d 1 IN IP4 %[2]s\r\n"+
		"s=-\r\n"+
		"c=IN IP4 %[2]s\r\n"+
		"t=0 0\r\n"+
		"m=audio %d RTP/AVP %d\r\n"+
		"a=rtpmap:%[4]d %s/8000\r\n"+
		"a=ptime:20\r\n"+
		"a=%s\r\n", id, a.Addr.Addr(), a.Addr.Port(), a.Payload, name, mode)
}

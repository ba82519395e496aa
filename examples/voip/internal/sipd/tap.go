package sipd

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/events"
)

// tap is a packet connection that shows each datagram, as it is on the wire, to see.
type tap struct {
	net.PacketConn
	see     func(d events.Direction, remote net.Addr, raw []byte)
	ended   func(remotes map[string]struct{}) // when reading ends, by who reads, with all that were read from
	remotes map[string]struct{}
	stopped atomic.Bool
}

// stop ends reading, as if the connection were closed. Writing goes on.
func (t *tap) stop() {
	t.stopped.Store(true)
	_ = t.SetReadDeadline(time.Unix(1, 0)) // of a connection that is closed no read waits
}

// ReadFrom implements [net.PacketConn].
func (t *tap) ReadFrom(p []byte) (int, net.Addr, error) {
	n, remote, err := t.PacketConn.ReadFrom(p)
	if t.stopped.Load() {
		err = net.ErrClosed
	}
	if err != nil {
		t.ended(t.remotes)
		return 0, nil, err
	}
	t.remotes[remote.String()] = struct{}{}
	if isSIP(p[:n]) {
		t.see(events.Inbound, remote, p[:n])
	}
	return n, remote, err
}

// WriteTo implements [net.PacketConn].
func (t *tap) WriteTo(p []byte, remote net.Addr) (int, error) {
	if isSIP(p) {
		t.see(events.Outbound, remote, p)
	}
	return t.PacketConn.WriteTo(p, remote)
}

// isSIP tells messages from the CRLF keep-alives of RFC 5626.
func isSIP(p []byte) bool { return len(bytes.TrimRight(p, "\r\n\x00")) > 0 }

// describe fills in what the head of a raw message tells. Direction is set.
func describe(m *events.SIPMessage, raw []byte) {
	m.Length = uint32(len(raw))
	line, rest := cutLine(raw)
	first, after, _ := strings.Cut(line, " ")
	if first == "SIP/2.0" {
		code, _, _ := strings.Cut(after, " ")
		if status, err := strconv.ParseUint(code, 10, 16); err == nil {
			m.Status = uint16(status)
		}
	} else {
		m.ID.Method = events.MethodOf(first)
	}
	// Whoever sends the request, and gets the response, is the client.
	m.ID.Side = events.SideServer
	if (m.Direction == events.Outbound) == (m.Status == 0) {
		m.ID.Side = events.SideClient
	}
	topmost := true
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		if line == "" {
			return // body
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "call-id", "i":
			m.Call = events.CallKey(value)
		case "cseq":
			number, method, _ := strings.Cut(value, " ")
			if n, err := strconv.ParseUint(number, 10, 32); err == nil {
				m.CSeq, m.ID.Method = uint32(n), events.MethodOf(strings.TrimSpace(method))
			}
		case "via", "v":
			if topmost {
				topmost = false
				m.ID.Branch.SetTruncate(branch(value))
			}
		}
	}
}

// branch returns the branch of a Via, the first of several.
func branch(via string) string {
	via, _, _ = strings.Cut(via, ",")
	for _, param := range strings.Split(via, ";")[1:] {
		if name, value, ok := strings.Cut(param, "="); ok && strings.EqualFold(strings.TrimSpace(name), "branch") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func cutLine(p []byte) (string, []byte) {
	line, rest, _ := bytes.Cut(p, []byte{'\n'})
	return string(bytes.TrimRight(line, "\r")), rest
}

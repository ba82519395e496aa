package sipd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rvoip/shmbus/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second // far more than anything here takes

// switchboard is an outlet in memory, which answers requests for ports as told.
type switchboard struct {
	port chan events.Addr // one for each call; none: the call waits

	mu       sync.Mutex
	states   []events.CallStateChanged
	media    []events.MediaStart
	sdp      []string
	stopped  []events.MediaStop
	messages []events.SIPMessage
	raw      []string
}

func (s *switchboard) CallState(e *events.CallStateChanged) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, *e)
	return nil
}

func (s *switchboard) MediaStart(e *events.MediaStart, sdp []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.media = append(s.media, *e)
	s.sdp = append(s.sdp, string(sdp))
	return nil
}

func (s *switchboard) MediaStop(e *events.MediaStop) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = append(s.stopped, *e)
	return nil
}

func (s *switchboard) SIPMessage(m *events.SIPMessage, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages, s.raw = append(s.messages, *m), append(s.raw, string(raw))
	return nil
}

func (s *switchboard) Expect(uint64) (<-chan events.Addr, func()) { return s.port, func() {} }

func (s *switchboard) history() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, e := range s.states {
		fmt.Fprintf(&b, "%s ", e.State)
	}
	return strings.TrimSpace(b.String())
}

// peer is a SIP client that writes its messages by hand.
type peer struct {
	t     *testing.T
	conn  *net.UDPConn
	board *switchboard
	done  chan *Report
	stop  context.CancelFunc
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	serverConn, err := net.ListenUDP("udp4", loopback)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{t: t, board: &switchboard{port: make(chan events.Addr, 1)}, done: make(chan *Report, 1), stop: cancel}
	ready := make(chan netip.AddrPort, 1)
	go func() {
		r, err := serve(ctx, serverConn, p.board, slog.New(slog.DiscardHandler), func(a netip.AddrPort) error {
			ready <- a
			return nil
		})
		assert.NoError(t, err)
		assert.NoError(t, serverConn.Close())
		p.done <- r
	}()
	p.conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(<-ready))
	require.NoError(t, err)
	require.NoError(t, p.conn.SetReadDeadline(time.Now().Add(patience)))
	t.Cleanup(func() {
		p.report()
		require.NoError(t, p.conn.Close())
	})
	return p
}

// report stops the server.
func (p *peer) report() *Report {
	p.stop()
	select {
	case r := <-p.done:
		p.done <- r
		return r
	case <-time.After(patience):
		p.t.Fatal("the server does not stop")
		return nil
	}
}

var somewhere = events.AddrFrom(netip.MustParseAddrPort("127.0.0.1:9000"))

const offer = "v=0\nc=IN IP4 127.0.0.1\nm=audio 7078 RTP/AVP 8 0\n"

func (p *peer) send(method, toTag, body string) {
	p.t.Helper()
	p.sendBranch(method, method, toTag, body)
}

// sendBranch is for the two requests that carry the branch of the INVITE: CANCEL, and ACK to a refusal.
func (p *peer) sendBranch(method, branch, toTag, body string) {
	p.t.Helper()
	local := p.conn.LocalAddr()
	cseq := map[string]int{"INVITE": 1, "ACK": 1, "CANCEL": 1, "BYE": 3, "OPTIONS": 1}[method]
	if method == "INVITE" && toTag != "" {
		cseq = 2
	}
	msg := fmt.Sprintf("%s sip:x@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d\nFrom: <sip:a@b>;tag=f\nTo: <sip:x@y>%s\n"+
		"Call-ID: one@test\nCSeq: %d %s\nContact: <sip:a@%s>\nMax-Forwards: 70\nContent-Type: application/sdp\nContent-Length: %d\n\n",
		method, local, branch, cseq, toTag, cseq, method, local, len(strings.ReplaceAll(body, "\n", "\r\n"))) + body
	_, err := p.conn.Write([]byte(strings.ReplaceAll(msg, "\n", "\r\n")))
	require.NoError(p.t, err)
}

// expect reads until a response with the status to the method, and returns it.
func (p *peer) expect(status int, method string) string {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := p.conn.Read(buf)
		require.NoError(p.t, err, "waiting for %d to %s", status, method)
		msg := string(buf[:n])
		if strings.HasPrefix(msg, fmt.Sprintf("SIP/2.0 %d ", status)) && strings.Contains(msg, " "+method+"\r\n") {
			return msg
		}
	}
}

func toTag(msg string) string {
	_, after, _ := strings.Cut(msg, "\r\nTo: ")
	line, _, _ := strings.Cut(after, "\r\n")
	_, tag, _ := strings.Cut(line, ";tag=")
	return ";tag=" + tag
}

func (p *peer) requireHistory(want string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.board.history() == want }, patience, time.Millisecond,
		"want %s", want)
}

func TestCall(t *testing.T) {
	p := newPeer(t)
	p.board.port <- somewhere
	p.send("INVITE", "", offer)
	ok := p.expect(200, "INVITE")
	assert.Contains(t, ok, "m=audio 9000 RTP/AVP 8\r\n", "the port that was given, and the caller's first choice")
	p.requireHistory("initiating ringing answered")
	p.send("ACK", toTag(ok), "")
	p.requireHistory("initiating ringing answered active")
	p.send("INVITE", toTag(ok), offer) // again, inside the call
	p.expect(488, "INVITE")
	p.send("BYE", toTag(ok), "")
	p.expect(200, "BYE")
	p.requireHistory("initiating ringing answered active terminated")
	p.send("BYE", toTag(ok), "") // the answer was lost: the same again
	p.expect(200, "BYE")

	r := p.report()
	assert.EqualValues(t, 1, r.Offered)
	assert.EqualValues(t, 1, r.Ended)
	assert.EqualValues(t, 5, r.States)
	e := p.board.states[0]
	assert.Equal(t, "one@test", e.CallID.String())
	assert.Len(t, e.Session.String(), 44)
	require.Len(t, p.board.media, 1)
	m := p.board.media[0]
	assert.Equal(t, e.Ref, m.Ref)
	assert.EqualValues(t, 8, m.Format.PayloadType)
	assert.Equal(t, "PCMA", m.Format.Name.String())
	assert.EqualValues(t, 7078, m.Remote.Port)
	_, remote, ok2 := m.Tail.Of([]byte(p.board.sdp[0]))
	require.True(t, ok2)
	assert.Equal(t, strings.ReplaceAll(offer, "\n", "\r\n"), string(remote))
	require.Len(t, p.board.stopped, 1)
	assert.Equal(t, e.Ref, p.board.stopped[0].Ref)
	assert.Len(t, p.board.messages, int(r.MessagesIn+r.MessagesOut))
	for i, m := range p.board.messages {
		assert.Equal(t, events.CallKey("one@test"), m.Call, p.board.raw[i])
		assert.EqualValues(t, len(p.board.raw[i]), m.Length)
	}
}

func TestCancel(t *testing.T) {
	p := newPeer(t) // no port comes, so the call keeps ringing
	p.send("INVITE", "", offer)
	p.expect(180, "INVITE")
	p.sendBranch("CANCEL", "INVITE", "", "")
	p.expect(200, "CANCEL")
	refused := p.expect(487, "INVITE")
	p.requireHistory("initiating ringing cancelled")
	p.sendBranch("ACK", "INVITE", toTag(refused), "")
	assert.EqualValues(t, 1, p.report().Cancelled)
}

func TestNoPort(t *testing.T) {
	p := newPeer(t)
	p.board.port <- events.Addr{}
	p.send("INVITE", "", offer)
	p.sendBranch("ACK", "INVITE", toTag(p.expect(503, "INVITE")), "")
	p.requireHistory("initiating ringing failed")
	assert.EqualValues(t, 503, p.board.states[2].Status)
}

func TestNotAcceptable(t *testing.T) {
	p := newPeer(t)
	p.send("INVITE", "", "v=0\nc=IN IP4 127.0.0.1\nm=audio 7078 RTP/AVP 9\n")
	p.sendBranch("ACK", "INVITE", toTag(p.expect(488, "INVITE")), "")
	p.requireHistory("initiating failed")
	assert.Empty(t, p.board.media, "nobody is asked for media of a call that is refused")
	assert.Empty(t, p.board.stopped)
}

func TestOutsideACall(t *testing.T) {
	p := newPeer(t)
	p.send("OPTIONS", "", "")
	assert.Contains(t, p.expect(200, "OPTIONS"), "Allow: "+allow)
	p.send("BYE", ";tag=none", "")
	p.expect(481, "BYE")
	assert.Empty(t, p.board.history())
}

func TestStopHangsUp(t *testing.T) {
	p := newPeer(t)
	p.board.port <- somewhere
	p.send("INVITE", "", offer)
	p.send("ACK", toTag(p.expect(200, "INVITE")), "")
	p.requireHistory("initiating ringing answered active")
	r := p.report() // this peer does not answer the BYE; the call ends all the same
	assert.EqualValues(t, 1, r.Ended)
	p.requireHistory("initiating ringing answered active terminated")
}

package mediad

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// findings is an outlet that keeps what it gets.
type findings struct {
	quality []events.MediaQuality
	reports []events.StreamReport
}

func (f *findings) Quality(v *events.MediaQuality) error {
	f.quality = append(f.quality, *v)
	return nil
}

func (f *findings) Report(v *events.StreamReport) error {
	f.reports = append(f.reports, *v)
	return nil
}

// script is a sequence of events as the bus would deliver them, with their positions.
type script struct {
	next  marks
	steps []func(*server)
}

func (s *script) header(p bus.Priority) bus.Header {
	h := bus.Header{Priority: p, Shard: 2, Position: s.next[p][2]}
	s.next[p][2]++
	return h
}

func (s *script) state(call string, seq uint32, state events.CallState) {
	v := events.CallStateChanged{Ref: events.Ref{Call: events.CallKey(call)}, Seq: seq, State: state}
	v.CallID.SetTruncate(call)
	h := s.header(bus.Critical)
	s.steps = append(s.steps, func(srv *server) { srv.callState(h, &v) })
}

func (s *script) packet(call string, seq int) {
	tail := append(make([]byte, 12), quality.Tone(sdp.PCMU, -10, 160)...)
	v := events.RTPPacket{
		Call: events.CallKey(call), Arrival: int64(seq) * 20e6, SSRC: 9, Seq: uint16(seq),
		Timestamp: uint32(seq * 160), Offset: 12, Length: 160,
	}
	h := s.header(bus.Normal)
	s.steps = append(s.steps, func(srv *server) { srv.packet(h, &v, tail) })
}

func (s *script) end(call string, published uint64) {
	v := events.RTPStream{Call: events.CallKey(call), Kind: events.StreamEnded, Received: published, Published: published}
	h := s.header(bus.Normal)
	s.steps = append(s.steps, func(srv *server) { srv.stream(h, &v) })
}

func (s *script) message() {
	h := s.header(bus.High)
	s.steps = append(s.steps, func(srv *server) { srv.message(h, 300) })
}

func (s *script) play(srv *server) {
	for _, step := range s.steps {
		step(srv)
	}
}

func memoryServer() (*server, *findings) {
	f := new(findings)
	return newServer(f, slog.New(slog.DiscardHandler), nil, nil, nil), f
}

func twoCalls() *script {
	s := new(script)
	s.state("a", 1, events.CallInitiating)
	s.message()
	s.state("b", 1, events.CallInitiating)
	s.state("a", 2, events.CallRinging)
	for i := range 5 {
		s.packet("a", i)
		s.packet("b", i)
	}
	s.state("a", 3, events.CallFailed)
	s.packet("a", 5)
	s.end("a", 6)
	s.message()
	s.end("b", 5)
	s.state("b", 2, events.CallCancelled) // its end may also come last
	return s
}

func TestTwoCalls(t *testing.T) {
	srv, f := memoryServer()
	twoCalls().play(srv)
	assert.EqualValues(t, 5, srv.States)
	assert.EqualValues(t, 11, srv.Packets)
	assert.EqualValues(t, 2, srv.Messages)
	assert.EqualValues(t, 2, srv.Streams)
	assert.Zero(t, srv.StateGaps+srv.Unknown+srv.Missing)
	assert.Empty(t, srv.calls, "calls that are over are forgotten")
	require.Len(t, f.reports, 2)
	assert.EqualValues(t, 6, f.reports[0].Packets)
	assert.InDelta(t, -10, f.reports[0].Level, 0.1)
}

func TestQualityOfLiveStreams(t *testing.T) {
	srv, f := memoryServer()
	s := new(script)
	s.state("silent", 1, events.CallInitiating)
	s.state("live", 1, events.CallInitiating)
	s.packet("live", 0)
	s.packet("live", 2)
	s.play(srv)
	srv.tick()
	require.Len(t, f.quality, 1)
	assert.Equal(t, events.CallKey("live"), f.quality[0].Call)
	assert.EqualValues(t, 1, f.quality[0].Lost)
}

func TestLossIsNoticed(t *testing.T) {
	srv, f := memoryServer()
	s := new(script)
	s.state("a", 1, events.CallInitiating)
	s.state("a", 4, events.CallActive)
	s.packet("a", 0)
	s.packet("nobody", 0)
	s.end("a", 3)
	s.play(srv)
	assert.EqualValues(t, 2, srv.StateGaps)
	assert.EqualValues(t, 2, srv.Missing)
	require.Len(t, f.reports, 1)
	assert.EqualValues(t, 2, f.reports[0].Missing)
	srv.disown(true)
	assert.EqualValues(t, 1, srv.Unknown)
}

// Lanes are read one after the other, so a packet may overtake its call's state, and even the whole stream may.
func TestStateComesLate(t *testing.T) {
	srv, f := memoryServer()
	s := new(script)
	s.packet("a", 0)
	s.end("a", 1)
	s.state("a", 1, events.CallInitiating)
	s.state("a", 2, events.CallFailed)
	s.play(srv)
	require.Len(t, f.reports, 1)
	assert.Zero(t, srv.Missing)
	assert.Empty(t, srv.calls)
	srv.disown(true)
	assert.Zero(t, srv.Unknown)
}

func TestStateNeverComes(t *testing.T) {
	srv, _ := memoryServer()
	s := new(script)
	s.packet("a", 0)
	s.play(srv)
	srv.tick()
	srv.tick()
	assert.Len(t, srv.calls, 1, "more may come")
	more := &script{next: s.next}
	more.end("a", 1)
	more.play(srv)
	srv.tick()
	assert.Len(t, srv.calls, 1, "its state may be on the way")
	srv.tick()
	assert.Empty(t, srv.calls)
	assert.EqualValues(t, 1, srv.Unknown)
}

func TestPayloadOutsideThePacket(t *testing.T) {
	srv, _ := memoryServer()
	s := new(script)
	s.state("a", 1, events.CallInitiating)
	s.play(srv)
	srv.packet(s.header(bus.Normal), &events.RTPPacket{Call: events.CallKey("a"), Offset: 65535, Length: 65535}, make([]byte, 4))
	assert.EqualValues(t, 1, srv.Packets)
	assert.EqualValues(t, 1, srv.calls[events.CallKey("a")].Undone)
}

// The process is killed after any event, and the bus gives any number of the events before that again: in all cases
// the counts are those of a life without a kill.
func TestKillAnywhereRedeliverAnything(t *testing.T) {
	want, _ := memoryServer()
	s := twoCalls()
	s.play(want)
	want.Starts = 2
	for killed := range len(s.steps) {
		for again := range killed + 1 {
			path := filepath.Join(t.TempDir(), "state")
			first, _ := storedServer(t, path)
			for _, step := range s.steps[:killed] {
				step(first)
			}
			require.NoError(t, first.store.close())

			second, f := storedServer(t, path)
			for _, step := range s.steps[killed-again:] {
				step(second)
			}
			require.Equal(t, want.totals, second.totals, "killed after %d, %d again", killed, again)
			require.Empty(t, second.calls)
			require.Len(t, second.store.free, testRoom, "a cell was not given back")
			for _, r := range f.reports {
				require.Zero(t, r.Missing)
			}
			require.NoError(t, second.store.close())
		}
	}
}

func storedServer(t *testing.T, path string) (*server, *findings) {
	t.Helper()
	st, tot, calls, err := openStore(path, "region", testRoom)
	require.NoError(t, err)
	f := new(findings)
	return newServer(f, slog.New(slog.DiscardHandler), st, tot, calls), f
}

// As above, but the kill comes between the two saves of one event: the call's record has it and the totals do not.
func TestKillBetweenTwoSaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := new(script)
	s.state("a", 1, events.CallInitiating)
	s.packet("a", 0)
	s.packet("a", 1)
	first, _ := storedServer(t, path)
	for _, step := range s.steps[:2] {
		step(first)
	}
	before := first.totals
	s.steps[2](first)
	first.store.save(totalsCell, codec.AsBytes(&before)) // undo the second save
	require.NoError(t, first.store.close())

	second, _ := storedServer(t, path)
	s.steps[2](second)
	assert.EqualValues(t, 2, second.Packets)
	assert.EqualValues(t, 2, second.calls[events.CallKey("a")].Stream.Received)
	require.NoError(t, second.store.close())
}

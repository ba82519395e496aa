package rtpd

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second // far more than anything here takes

// rig is a stream on a bus inside the process, and someone who sends to it.
type rig struct {
	t       *testing.T
	stream  *stream
	sender  *net.UDPConn
	packets *bus.Subscriber[events.RTPPacket]
	ends    *bus.Subscriber[events.RTPStream]
	ctx     context.Context
}

func newRig(t *testing.T) *rig {
	t.Helper()
	b, err := bus.OpenLocal(&bus.Options{Geometry: events.Geometry()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	r := &rig{t: t}
	r.packets, err = bus.Subscribe[events.RTPPacket](b, nil)
	require.NoError(t, err)
	r.ends, err = bus.Subscribe[events.RTPStream](b, nil)
	require.NoError(t, err)
	out, err := newOutlet(b)
	require.NoError(t, err)
	r.stream, err = newStream(7, net.IPv4(127, 0, 0, 1), out)
	require.NoError(t, err)
	r.sender, err = net.DialUDP("udp4", nil, r.stream.conn.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.sender.Close()) })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r.ctx = ctx
	return r
}

func (r *rig) send(seq, size int) []byte {
	r.t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(seq), SSRC: 5}, Payload: make([]byte, size)}
	for i := range p.Payload {
		p.Payload[i] = byte(seq + i)
	}
	raw, err := p.Marshal()
	require.NoError(r.t, err)
	_, err = r.sender.Write(raw)
	require.NoError(r.t, err)
	return raw
}

func (r *rig) requireNext(raw []byte) {
	r.t.Helper()
	m, err := r.packets.Receive(r.ctx)
	require.NoError(r.t, err)
	assert.Equal(r.t, raw, m.Tail, "the packet as it was sent")
	assert.EqualValues(r.t, 7, m.Value.Call)
	assert.EqualValues(r.t, 7, m.Key)
	payload, ok := m.Value.Payload(m.Tail)
	require.True(r.t, ok)
	assert.Equal(r.t, raw[12:], payload)
}

func TestOnePacketAtATime(t *testing.T) {
	r := newRig(t)
	counts := make(chan Counts, 1)
	go func() {
		c, err := r.stream.run(r.ctx)
		assert.NoError(t, err)
		counts <- c
	}()
	for i := range 20 {
		r.requireNext(r.send(i, 160))
	}
	require.NoError(t, r.stream.end(0))
	got := <-counts
	assert.NotZero(t, got.InPlace, "all but those that came while the one before was being published")
	got.InPlace = 0
	assert.Equal(t, Counts{Received: 20, Published: 20}, got)
	end, err := r.ends.Receive(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, events.RTPStream{
		Call: 7, Kind: events.StreamEnded, Direction: events.Inbound, Received: 20, Published: 20,
	}, end.Value)
}

// All wait in the socket before the stream looks: the first goes in place, those behind it as batches, in order.
func TestPacketsThatWaited(t *testing.T) {
	r := newRig(t)
	var sent [][]byte
	for i := range 40 {
		sent = append(sent, r.send(i, 160))
	}
	require.NoError(t, r.stream.end(0))
	counts, err := r.stream.run(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, Counts{Received: 40, Published: 40, InPlace: 1}, counts)
	for _, raw := range sent {
		r.requireNext(raw)
	}
}

func TestWhatIsNoPacket(t *testing.T) {
	r := newRig(t)
	_, err := r.sender.Write([]byte("not RTP"))
	require.NoError(t, err)
	r.send(1, 1400)
	_, err = r.sender.Write(nil)
	require.NoError(t, err)
	good := r.send(4, 160)
	r.send(5, 1400)
	require.NoError(t, r.stream.end(0))
	counts, err := r.stream.run(r.ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 5, counts.Received)
	assert.EqualValues(t, 2, counts.Invalid)
	assert.EqualValues(t, 2, counts.Oversized)
	assert.EqualValues(t, 1, counts.Published)
	r.requireNext(good)
}

func TestGapsAreCounted(t *testing.T) {
	r := newRig(t)
	for _, seq := range []int{1, 2, 5} {
		r.send(seq, 160)
	}
	require.NoError(t, r.stream.end(0))
	counts, err := r.stream.run(r.ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 2, counts.NotReceived)
}

func TestEndAfterItBrokeOff(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.stream.conn.Close())
	_, err := r.stream.run(r.ctx)
	require.Error(t, err)
	assert.NoError(t, r.stream.end(0))
}

package rtpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/rvoip/shmbus/bus"
	"github.com/rvoip/shmbus/events"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
	"golang.org/x/sys/unix"
)

const (
	linger     = 200 * time.Millisecond // for packets that are still on their way when a call ends
	socketRoom = 1 << 20                // bytes asked of the kernel, which may give less
	maxBatch   = 16
	maxPacket  = 1500
)

// stream receives the audio of one call.
type stream struct {
	call uint64
	conn *net.UDPConn
	raw  syscall.RawConn
	out  *outlet

	seq    quality.Sequence
	counts Counts
	batch  *batch
}

// Counts is what was received and what became of it.
type Counts struct {
	Received    uint64 `json:"received"`     // datagrams from the wire
	Published   uint64 `json:"published"`    // packets the bus took
	InPlace     uint64 `json:"in_place"`     // of those, read by the kernel straight into the ring
	Invalid     uint64 `json:"invalid"`      // datagrams that are no RTP
	Oversized   uint64 `json:"oversized"`    // packets longer than a slot has room for
	Unpublished uint64 `json:"unpublished"`  // packets that the bus did not take
	NotReceived int64  `json:"not_received"` // what the sequence numbers say was sent, less what arrived
}

func (c *Counts) add(o Counts) {
	c.Received += o.Received
	c.Published += o.Published
	c.InPlace += o.InPlace
	c.Invalid += o.Invalid
	c.Oversized += o.Oversized
	c.Unpublished += o.Unpublished
	c.NotReceived += o.NotReceived
}

// batch holds packets that were read aside.
type batch struct {
	items [maxBatch]bus.Item[events.RTPPacket]
	bytes [maxBatch][maxPacket]byte
}

func newStream(call uint64, ip net.IP, out *outlet) (*stream, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketRoom) // the default is enough for an ordinary load
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &stream{call: call, conn: conn, raw: raw, out: out}, nil
}

func (s *stream) local() events.Addr {
	return events.AddrFrom(s.conn.LocalAddr().(*net.UDPAddr).AddrPort())
}

// end lets run return after d, in which packets on their way have the time to arrive.
func (s *stream) end(d time.Duration) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(d)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil // it has broken off before, and said so
}

// run publishes packets until end, and then the end of the stream.
func (s *stream) run(ctx context.Context) (Counts, error) {
	var failed error
	for failed == nil {
		err := s.raw.Read(func(fd uintptr) bool {
			n, err := s.drain(ctx, int(fd))
			failed = err
			return n > 0 || err != nil
		})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		failed = errors.Join(failed, err)
	}
	if failed == nil { // what came between the last look and the deadline
		err := s.raw.Control(func(fd uintptr) { _, failed = s.drain(ctx, int(fd)) })
		failed = errors.Join(failed, err)
	}
	s.counts.NotReceived = s.seq.Lost()
	return s.counts, errors.Join(failed, s.conn.Close(), s.out.end(ctx, &events.RTPStream{
		Call: s.call, Kind: events.StreamEnded, Direction: events.Inbound,
		Received: s.counts.Received, Published: s.counts.Published,
	}))
}

// drain publishes what waits in the socket and returns how many datagrams that were. It does not block,
// except on a full lane.
func (s *stream) drain(ctx context.Context, fd int) (int, error) {
	n, err := s.one(ctx, fd)
	for more := n; more > 0 && err == nil; n += more {
		more, err = s.several(ctx, fd)
	}
	return n, err
}

// one receives a datagram in place.
func (s *stream) one(ctx context.Context, fd int) (int, error) {
	loan, err := s.out.rtp.LoanFor(s.call)
	if err != nil {
		return s.several(ctx, fd) // all cells are in use, by other streams: take the way of the batch
	}
	tail := loan.Tail()
	n, ok, err := receive(fd, tail)
	if !ok {
		loan.Discard()
		return 0, err
	}
	p, ok := s.take(tail, n)
	if !ok {
		loan.Discard()
		return 1, nil
	}
	*loan.Value() = p
	loan.SetTail(n)
	if err := loan.Publish(ctx); err != nil {
		s.counts.Unpublished++
		return 1, fmt.Errorf("publishing a packet: %w", err)
	}
	s.counts.Published++
	s.counts.InPlace++
	return 1, nil
}

// several receives up to maxBatch datagrams aside and publishes them together.
func (s *stream) several(ctx context.Context, fd int) (received int, err error) {
	if s.batch == nil {
		s.batch = new(batch)
	}
	items := s.batch.items[:0]
	for i := range s.batch.bytes {
		buf := s.batch.bytes[i][:s.out.room]
		n, ok, recvErr := receive(fd, buf)
		if !ok {
			err = recvErr
			break
		}
		received++
		if p, ok := s.take(buf, n); ok {
			items = append(items, bus.Item[events.RTPPacket]{Value: p, With: bus.With{Key: s.call, Tail: buf[:n]}})
		}
	}
	if len(items) == 0 {
		return received, err
	}
	n, pubErr := s.out.rtp.PublishItems(ctx, items)
	s.counts.Published += uint64(n)
	s.counts.Unpublished += uint64(len(items) - n)
	if pubErr != nil {
		err = errors.Join(err, fmt.Errorf("publishing packets: %w", pubErr))
	}
	return received, err
}

// take counts a datagram of n bytes, of which buf holds what fits, and describes it if it is a packet to publish.
func (s *stream) take(buf []byte, n int) (events.RTPPacket, bool) {
	now := bus.Now()
	s.counts.Received++
	if n > len(buf) {
		s.counts.Oversized++
		return events.RTPPacket{}, false
	}
	p, err := parse(buf[:n])
	if err != nil {
		s.counts.Invalid++
		return events.RTPPacket{}, false
	}
	p.Call, p.Arrival = s.call, now
	s.seq.Add(p.Seq)
	return p, true
}

// receive reads a datagram without waiting and returns its length, which is more than len(p) if it was cut.
// It is not ok if there was none to read.
func receive(fd int, p []byte) (n int, ok bool, err error) {
	for {
		n, _, err = unix.Recvfrom(fd, p, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		switch {
		case err == nil:
			return n, true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, false, nil
		default:
			return 0, false, os.NewSyscallError("recvfrom", err)
		}
	}
}

package quality

import "github.com/rvoip/shmbus/codec"

// Bounds of RFC 3550, appendix A.1: how far ahead a sequence number may jump, and
// how far behind it may be, before it counts as a source that has started over.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// Sequence follows the sequence numbers of one source, as RFC 3550 A.1 does, without
// its probation: a switch knows from signalling that the source is one.
//
// It is fixed-layout, so that it can be stored as it is.
type Sequence struct {
	Base     uint32 // extended number of the first packet
	Max      uint32 // highest extended number seen
	Bad      uint32 // the number which, if it comes next, proves a restart; badNone if none
	Started  codec.Bool
	_        [3]uint8
	Received uint64
	Before   uint64 // packets expected of sources before the last restart
}

const badNone = 1 << 16 // no sequence number

// Add takes note of a packet.
func (s *Sequence) Add(seq uint16) {
	if !s.Started.Get() {
		s.start(seq)
	}
	switch ahead := seq - uint16(s.Max); {
	case ahead < maxDropout:
		s.Max += uint32(ahead)
		s.Bad = badNone
	case ahead <= 65535-maxMisorder: // far off
		if uint32(seq) != s.Bad {
			s.Bad = uint32(seq + 1)
			s.Received++ // it did arrive; until the restart is proven it offsets a loss
			return
		}
		// Two in a row: the source has started over, one packet ago.
		s.Before += s.current() + 1
		s.start(seq)
	}
	// Otherwise it is late or came twice: received, and nothing new is expected.
	s.Received++
}

// Restart begins a new source, whose numbers have nothing to do with the last one's.
func (s *Sequence) Restart() {
	s.Before += s.current()
	s.Started.Set(false)
}

// Expected returns how many packets the sequence numbers say were sent.
func (s *Sequence) Expected() uint64 { return s.Before + s.current() }

// Lost returns how many of them did not arrive, RFC 3550 A.3.
func (s *Sequence) Lost() int64 { return int64(s.Expected()) - int64(s.Received) }

func (s *Sequence) start(seq uint16) {
	s.Base, s.Max, s.Bad = uint32(seq), uint32(seq), badNone
	s.Started.Set(true)
}

func (s *Sequence) current() uint64 {
	if !s.Started.Get() {
		return 0
	}
	return uint64(s.Max-s.Base) + 1
}

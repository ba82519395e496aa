package payload

// Note is the word at the front of each event.
//
//	63     62..48     47..0
//	last   publisher  sequence
type Note uint64

const (
	seqBits = 48
	seqMask = 1<<seqBits - 1
	pubMask = 1<<15 - 1
	lastBit = 1 << 63

	// MaxPublishers is how many publishers a Note tells apart.
	MaxPublishers = pubMask + 1
)

// NewNote makes the note of a publisher's event; last marks its final one.
func NewNote(publisher int, seq uint64, last bool) Note {
	n := Note(seq&seqMask) | Note(publisher&pubMask)<<seqBits
	if last {
		n |= lastBit
	}
	return n
}

// Publisher is who published the event.
func (n Note) Publisher() int { return int(n >> seqBits & pubMask) }

// Seq is its running number, from 0, per publisher.
func (n Note) Seq() uint64 { return uint64(n & seqMask) }

// Last says that the publisher publishes nothing after it.
func (n Note) Last() bool { return n&lastBit != 0 }

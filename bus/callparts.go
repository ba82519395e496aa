package bus

import "encoding/binary"

// CallInfo says which call an event belongs to: that of a request, or that of a
// reply. See Client and Serve.
type CallInfo struct {
	ID       uint64 // number of the call, as its client counts
	Client   uint64 // who called and gets the reply: a random number
	Deadline int64  // of a request: when its caller gives up, in ns of Now; 0 for never
	Reply    bool   // the event is a reply
	Failed   bool   // the reply is an error, with a value of zeros and the text as tail
	Panicked bool   // the reply is an error because the server's function panicked
	Refused  bool   // the reply is an error because the request was not served at all
}

// The parts of an event, which lie between its header and its value, are 8-byte
// words. The header says how many there are, and what they are:
//
//	bits  0-3   how many words
//	bit   4     they begin with a call: id, client, and of a request the deadline
//	bit   5     the event is the reply
//	bit   6     the reply is an error
//	bit   7     the reply is an error because the function panicked
//	bit   8     the reply is an error because the request was not served
//	bit   9     and who says so serves no more, while others may
//
// A reader passes over words that it does not know.
const (
	partsMask    = 0x0f
	partCall     = 1 << 4
	partReply    = 1 << 5
	partFailed   = 1 << 6
	partPanicked = 1 << 7
	partRefused  = 1 << 8
	partLeaving  = 1 << 9
)

const (
	requestParts = 3 // words of a request
	replyParts   = 2
	knownParts   = 3 // words that a reader looks at
)

// parts are the optional words of one event. Bits beside their number are none
// for most events, and then the words mean nothing.
type parts struct {
	bits  uint16
	words [knownParts]uint64
}

func requestOf(id, client uint64, deadline int64) parts {
	return parts{partCall | requestParts, [...]uint64{id, client, uint64(deadline)}}
}

// reply are the parts of the reply to a request, with some bits more.
func (p *parts) reply(bits uint16) parts {
	return parts{partCall | partReply | bits | replyParts, [...]uint64{p.words[0], p.words[1], 0}}
}

// size is how many bytes the parts take. It is 0 for nil.
func (p *parts) size() int {
	if p == nil {
		return 0
	}
	return 8 * int(p.bits&partsMask)
}

// put writes the words.
func (p *parts) put(b []byte) {
	for i := range int(p.bits & partsMask) {
		binary.LittleEndian.PutUint64(b[8*i:], p.words[i])
	}
}

// get reads the words that a reader knows from what the header says is theirs.
func (p *parts) get(bits uint16, b []byte) {
	p.bits, p.words = bits, [knownParts]uint64{}
	for i := range min(len(b)/8, knownParts) {
		p.words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
}

// isCall tells whether the event belongs to a call.
func (p *parts) isCall() bool {
	return p.bits&partCall != 0 && p.bits&partsMask >= replyParts
}

// Call says which call the event belongs to, and whether it does: requests and
// their replies do, and nothing else.
func (e *Event) Call() (CallInfo, bool) {
	p := &e.parts
	if !p.isCall() {
		return CallInfo{}, false
	}
	c := CallInfo{
		ID: p.words[0], Client: p.words[1],
		Reply: p.bits&partReply != 0, Failed: p.bits&partFailed != 0, Panicked: p.bits&partPanicked != 0,
		Refused: p.bits&partRefused != 0,
	}
	if !c.Reply {
		c.Deadline = int64(p.words[2])
	}
	return c, true
}

// fillParts is fill for an event with parts.
func (p *publisher) fillParts(slot, value []byte, w *With) {
	at := eventHeader + w.parts.size()
	w.parts.put(slot[eventHeader:at])
	n := copy(slot[at:], value)
	copy(slot[at+n:], w.Tail)
	p.head(slot, w.Priority, w.Key, len(w.Tail), w.Time, w.parts.bits)
}

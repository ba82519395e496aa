package bus

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"time"

	"github.com/rvoip/shmbus/codec"
	"github.com/rvoip/shmbus/shm"
)

// Now is the clock of event times: nanoseconds of CLOCK_MONOTONIC, the same for
// all processes of a host. It costs about 30 ns.
func Now() int64 { return shm.Now() }

// Header is what the bus knows of an event.
type Header struct {
	Type     TypeID
	Priority Priority
	Shard    int
	Position uint64 // running number in its lane
	Source   int    // participant that published it
	Key      uint64 // 64-bit hash of what orders events, 0 for none
	Time     int64  // when it was published, see Now; 0 on lanes without
}

// Age is how long ago the event was published, and 0 on lanes without times.
func (h Header) Age() time.Duration {
	if h.Time == 0 {
		return 0
	}
	return time.Duration(max(Now()-h.Time, 0))
}

// The header of an event, at the front of its slot:
//
//	0   type      u32
//	4   source    u16
//	6   parts     u16   how many 8-byte words lie before the value, and which; see parts
//	8   value     u32   bytes
//	12  tail      u32   bytes
//	16  key       u64
//	24  time      i64
//	32  parts, value, tail
const (
	headerParts = 6
	headerKey   = 16
)

// rawHeader is a header as the slot has it, copied once and not yet believed.
type rawHeader struct {
	typ         uint32
	source      uint16
	parts       uint16
	value, tail uint32
	key         uint64
	time        int64
}

func (h *rawHeader) put(slot []byte) {
	_ = slot[eventHeader-1]
	le := binary.LittleEndian
	le.PutUint64(slot[0:], uint64(h.typ)|uint64(h.source)<<32|uint64(h.parts)<<48)
	le.PutUint64(slot[8:], uint64(h.value)|uint64(h.tail)<<32)
	le.PutUint64(slot[16:], h.key)
	le.PutUint64(slot[24:], uint64(h.time))
}

func getHeader(slot []byte) (h rawHeader) {
	_ = slot[eventHeader-1]
	le := binary.LittleEndian
	a, b := le.Uint64(slot[0:]), le.Uint64(slot[8:])
	h.typ, h.source, h.parts = uint32(a), uint16(a>>32), uint16(a>>48)
	h.value, h.tail = uint32(b), uint32(b>>32)
	h.key, h.time = le.Uint64(slot[16:]), int64(le.Uint64(slot[24:]))
	return h
}

// Event is one event in place. It is valid only inside the callback that gets
// it, in a range loop until the loop goes on, and of a delivery until its Ack:
// afterwards its bytes may become another event's. It must not be written.
type Event struct {
	raw   rawHeader
	parts parts
	lane  *lane
	pos   uint64
	slot  []byte
	at    int // where its value begins
	sub   *Subscription
}

// Header returns what the bus knows of the event.
func (e *Event) Header() Header {
	h := &e.raw
	return Header{
		Type: TypeID(h.typ), Priority: e.lane.priority, Shard: e.lane.shard, Position: e.pos,
		Source: int(h.source), Key: h.key, Time: h.time,
	}
}

// Type returns the event's type.
func (e *Event) Type() TypeID { return TypeID(e.raw.typ) }

// Value returns the bytes of the event's value, in place.
func (e *Event) Value() []byte {
	end := e.at + int(e.raw.value)
	return e.slot[e.at:end:end]
}

// Tail returns the variable bytes behind the value, in place.
func (e *Event) Tail() []byte {
	at := e.at + int(e.raw.value)
	end := at + int(e.raw.tail)
	return e.slot[at:end:end]
}

// set bounds what the slot says and points e at it. The error wraps ErrCorrupt.
func (e *Event) set(l *lane, slot []byte, pos uint64) error {
	e.raw = getHeader(slot)
	e.lane, e.slot, e.pos = l, slot, pos
	e.at = eventHeader + 8*int(e.raw.parts&partsMask)
	if uint64(e.at)+uint64(e.raw.value)+uint64(e.raw.tail) > uint64(len(slot)) {
		return e.corrupt()
	}
	if e.parts.bits = e.raw.parts; e.raw.parts != 0 {
		e.parts.get(e.raw.parts, slot[eventHeader:e.at])
	}
	return nil
}

func (e *Event) corrupt() error {
	return fmt.Errorf("%w: event %d of lane %s has %d + %d bytes in a slot of %d",
		ErrCorrupt, e.pos, e.lane.name(), e.raw.value, e.raw.tail, len(e.slot))
}

// sized checks that the value has the size of its type.
func (e *Event) sized(want int) error {
	if int(e.raw.value) == want {
		return nil
	}
	return fmt.Errorf("%w: event %d of lane %s has a value of %d bytes, its type has %d",
		ErrCorrupt, e.pos, e.lane.name(), e.raw.value, want)
}

// As gives a typed view of e in place, and whether e is of type T: T must have
// been registered by TypeFor, NewPublisher or Subscribe. The view is valid for as
// long as e is.
func As[T any](e *Event) (*T, bool) {
	id := e.Type()
	if int(id) >= len(e.sub.views) {
		return nil, false
	}
	known := e.sub.views[id].Load()
	if t := reflect.TypeFor[T](); known == nil || known.t != t {
		size, ok := e.sub.bus.viewSize(id, t)
		if !ok {
			return nil, false
		}
		known = &view{t, size}
		e.sub.views[id].Store(known)
	}
	if int(e.raw.value) != known.size {
		return nil, false
	}
	return codec.Cast[T](e.Value()), true
}

// view is the Go type that a subscription views a type's events as.
type view struct {
	t    reflect.Type
	size int
}

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
//
// rawHeader is what the header says of type and sizes, as the slot has it, copied
// once and not yet believed; key and time, too, since whoever has an event for longer than
// a call may ask for them when the memory has gone. It is kept as the slot's words: a field that is
// stored in pieces and loaded whole would wait for all stores before it, those
// into the slot itself included.
type rawHeader struct {
	what  uint64 // type, source, parts
	sizes uint64 // value, tail
	key   uint64
	time  int64
}

func makeRaw(typ uint32, source, parts uint16, value, tail uint32, key uint64, at int64) rawHeader {
	return rawHeader{uint64(typ) | uint64(source)<<32 | uint64(parts)<<48, uint64(value) | uint64(tail)<<32, key, at}
}

// sourceField is where what has the source.
const sourceField = 0xffff << 32

func (h rawHeader) typ() uint32    { return uint32(h.what) }
func (h rawHeader) source() uint16 { return uint16(h.what >> 32) }
func (h rawHeader) parts() uint16  { return uint16(h.what >> 48) }
func (h rawHeader) value() uint32  { return uint32(h.sizes) }
func (h rawHeader) tail() uint32   { return uint32(h.sizes >> 32) }

// put writes the header of an event.
func (h rawHeader) put(slot []byte) {
	_ = slot[eventHeader-1]
	le := binary.LittleEndian
	le.PutUint64(slot[0:], h.what)
	le.PutUint64(slot[8:], h.sizes)
	le.PutUint64(slot[16:], h.key)
	le.PutUint64(slot[24:], uint64(h.time))
}

// get reads the header in a slot.
func (h *rawHeader) get(slot []byte) {
	_ = slot[eventHeader-1]
	le := binary.LittleEndian
	h.what, h.sizes, h.key, h.time = le.Uint64(slot[0:]), le.Uint64(slot[8:]), le.Uint64(slot[16:]), int64(le.Uint64(slot[24:]))
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
func (e *Event) Header() (h Header) {
	e.head(&h)
	return h
}

// head is Header without a copy between.
func (e *Event) head(h *Header) {
	h.Type, h.Priority, h.Shard, h.Position = e.Type(), e.lane.priority, e.lane.shard, e.pos
	h.Source, h.Key, h.Time = int(e.raw.source()), e.raw.key, e.raw.time
}

// Type returns the event's type.
func (e *Event) Type() TypeID { return TypeID(e.raw.typ()) }

// Value returns the bytes of the event's value, in place.
func (e *Event) Value() []byte {
	end := e.at + int(e.raw.value())
	return e.slot[e.at:end:end]
}

// Tail returns the variable bytes behind the value, in place.
func (e *Event) Tail() []byte {
	at := e.at + int(e.raw.value())
	end := at + int(e.raw.tail())
	return e.slot[at:end:end]
}

// set bounds what the slot says and points e at it. The error wraps ErrCorrupt.
func (e *Event) set(l *lane, slot []byte, pos uint64) error {
	e.raw.get(slot)
	raw := &e.raw
	at := eventHeader + 8*int(raw.parts()&partsMask)
	e.at, e.pos = at, pos
	e.lane, e.slot = l, slot
	if uint64(at)+uint64(raw.value())+uint64(raw.tail()) > uint64(len(slot)) {
		return e.corrupt()
	}
	if e.parts.bits = raw.parts(); e.parts.bits != 0 {
		e.parts.get(e.parts.bits, slot[eventHeader:at])
	}
	return nil
}

func (e *Event) corrupt() error {
	return fmt.Errorf("%w: event %d of lane %s has %d + %d bytes in a slot of %d",
		ErrCorrupt, e.pos, e.lane.name(), e.raw.value(), e.raw.tail(), len(e.slot))
}

// sized checks that the value has the size of its type.
func (e *Event) sized(want int) error {
	if int(e.raw.value()) == want {
		return nil
	}
	return fmt.Errorf("%w: event %d of lane %s has a value of %d bytes, its type has %d",
		ErrCorrupt, e.pos, e.lane.name(), e.raw.value(), want)
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
	if int(e.raw.value()) != known.size {
		return nil, false
	}
	return codec.Cast[T](e.Value()), true
}

// view is the Go type that a subscription views a type's events as.
type view struct {
	t    reflect.Type
	size int
}

package floor

import "sync/atomic"

// ring is one end of a bare ring for one producer and one consumer. Each end
// keeps its own position and what it last saw of the other's.
type ring struct {
	tail, head *atomic.Uint64
	slots      []byte
	size       int
	stride     int
	own, seen  uint64
}

func newRing(mem []byte, size int) ring {
	st := stride(size)
	return ring{
		tail: word64(mem, 0), head: word64(mem, line),
		slots: mem[ringHead : ringHead+slots*st], size: size, stride: st,
	}
}

func (r *ring) slot(pos uint64) []byte {
	off := int(pos%slots) * r.stride
	return r.slots[off : off+r.size]
}

// room is the next slot to write, or nil while the ring is full.
func (r *ring) room() []byte {
	if r.own-r.seen == slots {
		if r.seen = r.head.Load(); r.own-r.seen == slots { // pairs with release
			return nil
		}
	}
	b := r.slot(r.own)
	r.own++
	return b
}

// publish shows the consumer all that was written.
func (r *ring) publish() { r.tail.Store(r.own) } // pairs with the load in next

// next is the next slot to read, or nil while the ring is empty.
func (r *ring) next() []byte {
	if r.own == r.seen {
		if r.seen = r.tail.Load(); r.own == r.seen { // pairs with publish
			return nil
		}
	}
	b := r.slot(r.own)
	r.own++
	return b
}

// drained says that what was seen is read: time to release.
func (r *ring) drained() bool { return r.own == r.seen }

// release gives the producer back all that was read.
func (r *ring) release() { r.head.Store(r.own) } // pairs with the load in room

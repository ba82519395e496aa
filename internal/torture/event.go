package torture

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/rvoip/shmbus/bus"
)

// load is the event. Place and Life say which process published it, Seq counts
// what that process published on the event's lane, from 0 on.
type load struct {
	Place uint32
	Lane  uint32
	Life  uint64
	Seq   uint64
	Sum   uint32 // of all else, and of the tail
	Mark  uint32 // Seq modulo keys, for filters on a field
}

func (load) EventType() bus.TypeOptions {
	return bus.TypeOptions{Name: "load", Also: []bus.Priority{bus.Critical, bus.High, bus.Low}}
}

// keys is how many keys a producer has on each lane; it uses them in turn.
const keys = 4

// keyOf is the key of a producer's event: it goes to the shard of its lane.
func keyOf(place, lane int, seq uint64) uint64 {
	return (uint64(place)*keys+seq%keys+1)*highShards + uint64(lanes[lane].Shard)
}

const (
	seqBits = 40
	maxTail = 48
)

// stamp is an event's place in the life of its producer, in one word: they
// compare as they were published.
type stamp uint64

func stampOf(life, seq uint64) stamp { return stamp(life<<seqBits | seq) }
func (s stamp) life() uint64         { return uint64(s) >> seqBits }
func (s stamp) seq() uint64          { return uint64(s) & (1<<seqBits - 1) }
func (s stamp) String() string       { return fmt.Sprintf("%d of life %d", s.seq(), s.life()) }

// write fills in an event and returns its tail, whose length and bytes follow
// from the rest. It uses the memory of tail.
func (v *load) write(place, lane int, life, seq uint64, tail []byte) []byte {
	*v = load{Place: uint32(place), Lane: uint32(lane), Life: life, Seq: seq, Mark: uint32(seq % keys)}
	tail = tail[:(seq*7+life)%(maxTail+1)]
	for i := range tail {
		tail[i] = byte(seq) + byte(i)*3
	}
	v.Sum = v.sum(tail)
	return tail
}

func (v *load) sum(tail []byte) uint32 {
	var b [36]byte
	put := func(at int, n uint64) {
		for i := range 8 {
			b[at+i] = byte(n >> (8 * i))
		}
	}
	put(0, uint64(v.Place)|uint64(v.Lane)<<32)
	put(8, v.Life)
	put(16, v.Seq)
	put(24, uint64(v.Mark))
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, tail)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTorn = errors.New("its bytes are not those that were published")

// check tells whether the event is as it was written, and where it was to go.
func (v *load) check(tail []byte, h bus.Header) error {
	switch {
	case v.Sum != v.sum(tail), len(tail) != int((v.Seq*7+v.Life)%(maxTail+1)), v.Place >= producers:
		return errTorn
	case int(v.Lane) != laneOf(h.Priority, h.Shard):
		return fmt.Errorf("it was published on lane %v", lanes[min(int(v.Lane), len(lanes)-1)])
	case h.Key != keyOf(int(v.Place), int(v.Lane), v.Seq):
		return fmt.Errorf("its key is %d, not %d", h.Key, keyOf(int(v.Place), int(v.Lane), v.Seq))
	}
	return nil
}

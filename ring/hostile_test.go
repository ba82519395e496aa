package ring

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/word"
)

// hostileLane runs everything that a lane can do over words that somebody else
// overwrites. It allows errors and losses, and no panic, no endless loop and no
// byte outside the lane.
type hostileLane struct {
	t     *testing.T
	geo   Geometry
	mem   []byte
	lane  *Lane
	from  int // where the script writes, and
	words int // how many bytes

	producer *Producer
	reader   *Reader
	cells    []int
}

const guard = 256

var hostileGeometry = Geometry{Capacity: 4, SlotSize: 64, Ports: 2, Pins: 3, Batch: 2, Readers: 2}

func newHostileLane(t *testing.T, reliable bool, start uint64) *hostileLane {
	geo := hostileGeometry
	geo.Reliable = reliable
	all := NewMemory(geo.Size() + guard)
	for i := range guard {
		all[geo.Size()+i] = 0xa5
	}
	h := &hostileLane{t: t, geo: geo, mem: all, words: geo.layout().slots}
	require.NoError(t, Format(all[:geo.Size()], geo, start))
	h.attach()
	return h
}

func (h *hostileLane) attach() {
	var err error
	h.lane, err = Attach(h.mem[:h.geo.Size()], h.geo, &LocalParker{})
	require.NoError(h.t, err)
	h.producer, h.reader, h.cells = nil, nil, nil
}

// allow fails the test unless err is one that words may cause.
func (h *hostileLane) allow(err error) {
	for _, ok := range []error{nil, ErrFull, ErrNoSlot, ErrNoPort, ErrPinBudget, ErrCorrupt} {
		if errors.Is(err, ok) {
			return
		}
	}
	require.NoError(h.t, err)
}

func (h *hostileLane) touch(slot []byte) {
	require.Len(h.t, slot, h.geo.SlotSize)
	for i := range slot {
		slot[i]++
	}
}

func (h *hostileLane) needProducer() bool {
	if h.producer != nil {
		return true
	}
	port, err := h.lane.ClaimPort(1)
	h.allow(err)
	if err != nil {
		return false
	}
	p, err := h.lane.NewProducer(port, func(i int) { require.Less(h.t, i, h.geo.Readers) })
	h.allow(err)
	h.producer, h.cells = p, nil
	return err == nil
}

func (h *hostileLane) needReader() bool {
	if h.reader == nil {
		if err := h.lane.Reserve(0, 2); err != nil {
			h.allow(err)
			return false
		}
		h.reader = h.lane.NewReader(0, 2)
		h.reader.Join()
	}
	return true
}

func (h *hostileLane) reserve() {
	c, slot, err := h.producer.Reserve()
	h.allow(err)
	if err == nil {
		h.touch(slot)
		h.touch(h.producer.Slot(c))
		h.cells = append(h.cells, c)
	}
}

// ops are what a lane can do.
var hostileOps = []func(h *hostileLane){
	func(h *hostileLane) { h.attach() },
	func(h *hostileLane) {
		if h.needProducer() {
			h.reserve()
		}
	},
	func(h *hostileLane) {
		if !h.needProducer() {
			return
		}
		if len(h.cells) == 0 {
			h.reserve()
		}
		if len(h.cells) > 0 {
			_, err := h.producer.Publish(h.cells[0])
			h.allow(err)
			if err != nil {
				h.producer.Cancel(h.cells[0])
			}
			h.cells = h.cells[1:]
		}
	},
	func(h *hostileLane) {
		if !h.needProducer() {
			return
		}
		h.reserve()
		n, _, err := h.producer.PublishBatch(h.cells)
		h.allow(err)
		for _, c := range h.cells[n:] {
			h.producer.Cancel(c)
		}
		h.cells = nil
	},
	func(h *hostileLane) {
		if !h.needReader() {
			return
		}
		n, _, err := h.reader.Poll(2)
		h.allow(err)
		require.LessOrEqual(h.t, n, 2)
		for k := range n {
			slot, _ := h.reader.Slot(k)
			h.touch(slot)
		}
	},
	func(h *hostileLane) {
		if h.needReader() {
			h.reader.Ready()
			h.reader.Lag()
			h.allow(h.reader.Advance(min(1, h.reader.Window())))
		}
	},
	func(h *hostileLane) {
		if h.needReader() {
			h.reader.JoinOldest()
		}
	},
	func(h *hostileLane) {
		if h.needReader() {
			h.reader.JoinAt(h.lane.Tail() - 3)
			h.reader.PreferNewest()
		}
	},
	func(h *hostileLane) {
		if h.needReader() {
			h.lane.Hold(0, 1)
			h.reader.Detach()
			h.reader = h.lane.NewReader(0, 2)
			h.reader.Resume()
		}
	},
	func(h *hostileLane) {
		if h.needReader() {
			h.reader.Leave()
			h.reader = nil
		}
	},
	func(h *hostileLane) {
		for i := range h.geo.Ports {
			h.lane.RecoverPort(i)
		}
		h.producer = nil
	},
	func(h *hostileLane) {
		h.lane.Hold(1, 2)
		h.lane.Unpin(1)
		h.lane.ClearCursor(1)
		h.allow(h.lane.Reserve(1, 1))
	},
	func(h *hostileLane) {
		for _, g := range h.lane.Gates(nil) {
			h.lane.Evict(g.Reader, g)
		}
	},
	func(h *hostileLane) {
		if ticket, full := h.lane.PrepareRoom(); full {
			h.allow(h.lane.AwaitRoom(ticket, 1))
		}
		h.lane.WakeRoom()
	},
	func(h *hostileLane) {
		h.allow(h.lane.Check())
		h.lane.Stats()
		h.lane.Cursor(0)
		h.lane.Cursor(1)
		h.lane.PortOwner(1)
	},
}

// run takes a script of records: an operation, or a word and what it becomes.
func (h *hostileLane) run(script []byte) {
	for steps := 0; len(script) > 0 && steps < 200; steps++ {
		op := int(script[0])
		script = script[1:]
		if op < 128 {
			hostileOps[op%len(hostileOps)](h)
			continue
		}
		if len(script) < 10 {
			break
		}
		off := h.from + int(binary.LittleEndian.Uint16(script))*8%h.words
		v := binary.LittleEndian.Uint64(script[2:])
		w := word.U64(h.mem, off)
		if op&1 != 0 {
			v += w.Load() // close to what is there
		}
		w.Store(v)
		script = script[10:]
	}
	for _, op := range hostileOps {
		op(h)
	}
	for i := range guard {
		require.Equal(h.t, byte(0xa5), h.mem[h.geo.Size()+i], "byte %d behind the lane", i)
	}
}

func set(near bool, off int, v uint64) []byte {
	op := byte(128)
	if near {
		op++
	}
	b := binary.LittleEndian.AppendUint16([]byte{op}, uint16(off/8))
	return binary.LittleEndian.AppendUint64(b, v)
}

func FuzzHostileWords(f *testing.F) {
	at := hostileGeometry.layout()
	offsets := []int{offTail, offStart, offGeneration, offHigh, offRoom, offPorts + portOwner, offPorts + portIntent,
		offPorts + spacing + portIntent, at.cursors + cursorWord, at.cursors + cursorReserved, at.cursors + cursorWant, at.cursors + cursorOwed, at.cursors + cursorHold,
		at.cursors + spacing, at.cells, at.cells + 8, at.cells + at.cellStride, at.entries, at.entries + 8, at.entries + 24}
	everything := []byte{2, 2, 3, 4, 5, 4, 13, 2, 2, 4, 9, 2, 12, 11, 10, 7, 4, 6, 4, 8, 0, 2, 3}
	f.Add(everything, false, uint64(0))
	f.Add(everything, true, ^uint64(0)-5)
	for i, off := range offsets {
		for _, v := range []uint64{0, 1, ^uint64(0), 1 << 63, 1<<28 + 3, 1 << 60} {
			f.Add(append(append([]byte{2, 4, 3}, set(i%2 == 0, off, v)...), everything...), i%3 == 0, uint64(i)<<60)
		}
	}
	f.Fuzz(func(t *testing.T, script []byte, reliable bool, start uint64) {
		newHostileLane(t, reliable, start).run(script)
	})
}

// The same with words at random, in every run of the tests.
func TestHostileWords(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		script := make([]byte, rng.IntN(600))
		for k := range script {
			script[k] = byte(rng.Uint32())
		}
		newHostileLane(t, i%2 == 0, rng.Uint64()).run(script)
	}
}

// A lane that is nothing but noise, from its first byte to its last.
func TestNoiseIsNotALane(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		h := newHostileLane(t, i%2 == 0, 0)
		for off := 0; off < h.geo.Size(); off += 8 {
			word.U64(h.mem, off).Store(rng.Uint64() >> (rng.UintN(8) * 8))
		}
		h.attach()
		h.run([]byte{2, 3, 4, 5, 6, 7, 4, 9, 10, 11, 12, 13})
		require.ErrorIs(t, h.lane.Check(), ErrCorrupt)
	}
}

// Slots are numbered in four places; each time a number that is no slot's is found,
// and nothing behind the lane is touched.
func TestNumbersOfSlotsThatThereAreNot(t *testing.T) {
	for _, slot := range []uint32{uint32(newHostileLane(t, false, 0).lane.slots), MaxSlots - 1} {
		entryOf := func(h *hostileLane, pos uint64) *atomic.Uint64 { return &h.lane.entries[pos&h.lane.mask] }
		t.Run("reader", func(t *testing.T) {
			h := newHostileLane(t, false, 0)
			require.True(t, h.needReader() && h.needProducer())
			hostileOps[2](h) // publishes
			e := entry(entryOf(h, 0).Load())
			entryOf(h, 0).Store(uint64(makeEntry(0, e.owner(), makeRef(slot, 0))))
			require.NotPanics(t, func() {
				n, missed, err := h.reader.Poll(2)
				require.NoError(t, err)
				require.Zero(t, n)
				require.Equal(t, uint64(1), missed)
			})
		})
		t.Run("producer", func(t *testing.T) {
			h := newHostileLane(t, false, 0)
			require.True(t, h.needProducer())
			h.reserve()
			entryOf(h, 0).Store(uint64(makeEntry(^uint64(0), nobody, makeRef(slot, 0))))
			require.NotPanics(t, func() {
				_, err := h.producer.Publish(h.cells[0])
				require.ErrorIs(t, err, ErrCorrupt)
			})
		})
		t.Run("heir", func(t *testing.T) {
			h := newHostileLane(t, false, 0)
			h.lane.ports[0].cells[0].Store(uint64(makeCell(0, slot)))
			_, err := h.lane.NewProducer(0, nil)
			require.ErrorIs(t, err, ErrCorrupt)
		})
		t.Run("recovery", func(t *testing.T) {
			h := newHostileLane(t, false, 0)
			h.lane.ports[0].intent.Store(uint64(makeIntent(0, 0, slot).asWon()))
			before := h.lane.ports[0].cells[0].Load()
			h.lane.RecoverPort(0)
			require.Equal(t, before, h.lane.ports[0].cells[0].Load())
		})
	}
}

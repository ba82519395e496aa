package ring_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/ring"
)

// event names one published event. It fills a whole slot with a pattern of its
// own, so that a slot that holds parts of two events is recognised.
type event struct {
	producer uint32
	seq      uint64
}

func (e event) word(i int) uint64 {
	return bits.RotateLeft64((uint64(e.producer)<<48^e.seq)*0x9e3779b97f4a7c15+uint64(i), i%64)
}

func (e event) fill(slot []byte) {
	binary.LittleEndian.PutUint64(slot, uint64(e.producer))
	binary.LittleEndian.PutUint64(slot[8:], e.seq)
	for i := 16; i < len(slot); i += 8 {
		binary.LittleEndian.PutUint64(slot[i:], e.word(i))
	}
}

// read returns the event of a slot, or an error if any word of it is torn.
func read(slot []byte) (event, error) {
	e := event{uint32(binary.LittleEndian.Uint64(slot)), binary.LittleEndian.Uint64(slot[8:])}
	for i := 16; i < len(slot); i += 8 {
		if got := binary.LittleEndian.Uint64(slot[i:]); got != e.word(i) {
			return e, fmt.Errorf("torn read: %v has %#x at byte %d, want %#x", e, got, i, e.word(i))
		}
	}
	return e, nil
}

// geometry of a small lane, lossy unless the test says otherwise.
func geometry(capacity int) ring.Geometry {
	return ring.Geometry{Capacity: capacity, SlotSize: 64, Ports: 3, Pins: 4, Batch: 2, Readers: 4}
}

func reliable(capacity int) ring.Geometry {
	g := geometry(capacity)
	g.Reliable = true
	return g
}

// newLane returns a lane over heap memory whose integrity is checked at the end
// of the test.
func newLane(t testing.TB, geo ring.Geometry, start uint64) *ring.Lane {
	lane, _ := newLaneOver(t, geo, start)
	return lane
}

func newLaneOver(t testing.TB, geo ring.Geometry, start uint64) (*ring.Lane, []byte) {
	t.Helper()
	mem := ring.NewMemory(geo.Size())
	require.NoError(t, ring.Format(mem, geo, start))
	lane, err := ring.Attach(mem, geo, &ring.LocalParker{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, lane.Check(), "the lane's integrity at the end of the test") })
	return lane, mem
}

// starts are first positions after which each counter of a lane wraps soon.
func starts(capacity int) []uint64 {
	shift := bits.TrailingZeros(uint(capacity))
	return []uint64{
		0,
		1<<36 - 3,             // position of an intent
		1<<46 - 1,             // key of a cell
		1<<48 - 2,             // position of a cursor
		1<<(30+shift) - 2,     // lap of an entry
		1<<62 - 3,             // distance that counts as far back
		1<<63 - 5,             // sign, and the position a producer wants room at
		^uint64(0) - 6,        // all of them
		^uint64(0) - 1<<46/2,  // widened keys
		3<<(30+shift) + 1<<29, // half way between two wraps
	}
}

// forStarts runs a test of a lane from each interesting first position.
func forStarts(t *testing.T, geo ring.Geometry, f func(t *testing.T, lane *ring.Lane, start uint64)) {
	for _, start := range starts(geo.Capacity) {
		t.Run(fmt.Sprintf("start=%#x", start), func(t *testing.T) { f(t, newLane(t, geo, start), start) })
	}
}

func newProducer(t testing.TB, lane *ring.Lane) *ring.Producer {
	t.Helper()
	port, err := lane.ClaimPort(1)
	require.NoError(t, err)
	p, err := lane.NewProducer(port, nil)
	require.NoError(t, err)
	return p
}

func newReader(t testing.TB, lane *ring.Lane, i, window int) *ring.Reader {
	t.Helper()
	require.NoError(t, lane.Reserve(i, window))
	return lane.NewReader(i, window)
}

// reserve returns a cell filled with e.
func reserve(t testing.TB, p *ring.Producer, e event) int {
	t.Helper()
	c, slot, err := p.Reserve()
	require.NoError(t, err)
	e.fill(slot)
	return c
}

func publish(t testing.TB, p *ring.Producer, e event) uint64 {
	t.Helper()
	pos, err := p.Publish(reserve(t, p, e))
	require.NoError(t, err)
	return pos
}

// publishMany publishes events [from, to) of producer.
func publishMany(t testing.TB, p *ring.Producer, producer uint32, from, to uint64) {
	t.Helper()
	for seq := from; seq < to; seq++ {
		publish(t, p, event{producer, seq})
	}
}

// poll polls and expects n events and missed.
func poll(t testing.TB, r *ring.Reader, max, n int, missed uint64) {
	t.Helper()
	gotN, gotMissed, err := r.Poll(max)
	require.NoError(t, err)
	require.Equal(t, n, gotN, "events")
	require.Equal(t, missed, gotMissed, "missed")
	r.Delivered(gotN)
}

// requireEvent expects event k of the window to be e at position pos.
func requireEvent(t testing.TB, r *ring.Reader, k int, e event, pos uint64) {
	t.Helper()
	slot, gotPos := r.Slot(k)
	got, err := read(slot)
	require.NoError(t, err)
	require.Equal(t, e, got)
	require.Equal(t, pos, gotPos)
}

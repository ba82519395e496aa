package ring

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFieldsFillTheirWords(t *testing.T) {
	assert.Equal(t, 64, lapBits+ownerBits+tagBits+slotBits, "entry")
	assert.Equal(t, 64, intentPosBits+cellBits+slotBits+1, "intent")
	assert.Equal(t, 64, keyBits+slotBits, "cell")
	assert.Equal(t, 64, cursorPosBits+pinBits+flagBits, "cursor")
	assert.Equal(t, 30, lapBits)
	assert.Equal(t, 36, intentPosBits)
	assert.Equal(t, 46, keyBits)
	assert.Equal(t, 48, cursorPosBits)
}

// edges are positions around which fields of every width wrap.
func edges() []uint64 {
	var out []uint64
	for _, at := range []uint64{0, 1 << 35, 1 << 36, 1 << 45, 1 << 46, 1 << 47, 1 << 48, 1 << 62, 1 << 63} {
		for d := range uint64(3) {
			out = append(out, at+d, at-d)
		}
	}
	for range 64 {
		out = append(out, rand.Uint64())
	}
	return out
}

func TestNearWidensToTheClosestPosition(t *testing.T) {
	for _, bits := range []uint{36, 46, 48} {
		half := uint64(1) << (bits - 1)
		for _, ref := range edges() {
			for _, d := range []uint64{0, 1, 2, 1000, half - 1, ^uint64(0), ^uint64(999), -half} {
				want := ref + d
				low := want & (1<<bits - 1)
				assert.Equal(t, want, near(ref, low, bits), "bits %d, ref %#x, distance %d", bits, ref, int64(d))
			}
			assert.NotEqual(t, ref+half, near(ref, (ref+half)&(1<<bits-1), bits), "half a turn is behind, not ahead")
		}
	}
}

func TestBeforeIsModular(t *testing.T) {
	for _, a := range edges() {
		assert.True(t, before(a-1, a))
		assert.False(t, before(a, a))
		assert.False(t, before(a+1, a))
		assert.True(t, before(a-math.MaxInt64, a))
		assert.False(t, before(a+math.MaxInt64, a))
	}
}

func TestEntryWord(t *testing.T) {
	for _, lap := range edges() {
		for _, owner := range []uint32{0, 1, MaxPorts - 1, nobody} {
			for _, slot := range []uint32{0, 1, MaxSlots - 1} {
				for _, tag := range []uint32{0, 1, 1<<tagBits - 1} {
					e := makeEntry(lap, owner, makeRef(slot, tag))
					assert.Equal(t, owner, e.owner())
					assert.Equal(t, slot, e.slot())
					assert.Equal(t, slot, e.ref().slot())
					assert.Equal(t, tag, e.ref().tag())
					for _, d := range []int64{0, 1, -1, 2, -2, 1 << 28, -1 << 28, 1<<29 - 1, -1 << 29} {
						assert.Equal(t, d, e.ahead(lap-uint64(d)), "lap %#x", lap)
						assert.Equal(t, d == 0, e.ofLap(lap-uint64(d)), "lap %#x", lap)
					}
				}
			}
		}
	}
}

func TestIntentWord(t *testing.T) {
	assert.True(t, intentIdle.idle())
	assert.False(t, intentIdle.won())
	for _, pos := range edges() {
		for _, cell := range []int{0, 1, MaxCells - 1} {
			for _, slot := range []uint32{0, 1, MaxSlots - 1} {
				i := makeIntent(pos, cell, slot)
				assert.False(t, i.idle())
				assert.False(t, i.won())
				assert.True(t, i.asWon().won())
				for _, w := range []intent{i, i.asWon()} {
					assert.False(t, w.idle())
					assert.Equal(t, cell, w.cell())
					assert.Equal(t, slot, w.slot())
					assert.Equal(t, pos, w.pos(pos+1000))
					assert.Equal(t, pos, w.pos(pos-1000))
				}
			}
		}
	}
}

func TestCellWord(t *testing.T) {
	for _, key := range edges() {
		for _, slot := range []uint32{0, 1, MaxSlots - 1} {
			c := makeCell(key, slot)
			assert.Equal(t, slot, c.slot())
			assert.Equal(t, key, c.key(key+1<<44))
			assert.Equal(t, key, c.key(key-1<<44))
		}
	}
}

func TestCursorWord(t *testing.T) {
	assert.False(t, cursor(0).joined(), "a zero word is no cursor")
	for _, pos := range edges() {
		for _, n := range []int{0, 1, MaxPin} {
			for _, flags := range []uint64{flagJoined, flagJoined | flagGated} {
				c := makeCursor(pos, n, flags)
				assert.Equal(t, n, c.pins())
				assert.Equal(t, flags, c.flags())
				assert.True(t, c.joined())
				assert.Equal(t, flags&flagGated != 0, c.gated())
				assert.Equal(t, pos, c.pos(pos+1<<40))
				assert.Equal(t, pos, c.pos(pos-1<<40))
				evicted := c &^ flagGated
				assert.False(t, evicted.gated())
				assert.Equal(t, n, evicted.pins(), "eviction keeps the pins")
				assert.Equal(t, pos, evicted.pos(pos))
			}
		}
	}
}

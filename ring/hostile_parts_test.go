package ring

import "testing"

// Two targets that write into one part of a lane alone, so that the rest goes on
// as it should and what is written there has consequences.

// FuzzEntries writes entries and cells: what says which slot is whose.
func FuzzEntries(f *testing.F) {
	at := hostileGeometry.layout()
	fuzzPart(f, at.cells, at.slots)
}

// FuzzCursors writes cursors and what lies beside them, and the words of the ports.
func FuzzCursors(f *testing.F) {
	fuzzPart(f, offPorts, hostileGeometry.layout().cells)
}

func fuzzPart(f *testing.F, from, to int) {
	everything := []byte{2, 2, 3, 4, 5, 4, 13, 2, 2, 4, 9, 2, 12, 11, 10, 7, 4, 6, 4, 8, 0, 2, 3}
	for off := 0; off < to-from; off += 8 {
		for i, v := range []uint64{0, ^uint64(0), 1<<28 | 3, uint64(off) << 10} {
			f.Add(append(append([]byte{2, 4, 3}, set(i%2 == 0, off, v)...), everything...), off%16 == 0, uint64(i)<<62)
		}
	}
	f.Fuzz(func(t *testing.T, script []byte, reliable bool, start uint64) {
		h := newHostileLane(t, reliable, start)
		h.from, h.words = from, to-from
		h.run(script)
	})
}

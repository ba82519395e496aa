package payload

// Views are of types known to the compiler, so there is a value type for each
// size that is often asked for. Their names say the bytes.
type (
	// V16 is a note and a checksum; the larger ones have a body between them.
	V16 struct{ W [2]uint64 }
	// V32 has 32 bytes.
	V32 struct{ W [4]uint64 }
	// V48 has 48 bytes.
	V48 struct{ W [6]uint64 }
	// V64 has 64 bytes.
	V64 struct{ W [8]uint64 }
	// V128 has 128 bytes.
	V128 struct{ W [16]uint64 }
	// V256 has 256 bytes.
	V256 struct{ W [32]uint64 }
	// V512 has 512 bytes.
	V512 struct{ W [64]uint64 }
	// V1024 has 1024 bytes.
	V1024 struct{ W [128]uint64 }
)

// Head stands before the tail of events of all other sizes.
type Head struct {
	Note Note
	Sum  uint64
}

// HeadSize is the size of [Head].
const HeadSize = 16

// Fill writes all of v: the note, a body made of it, and the checksum if sum.
// T is one of the sized values.
func Fill[T any](v *T, n Note, sum bool) { fill(words(v), n, sum) }

// FillAll fills events that follow one another, from first on. None is the last one.
func FillAll[T any](v []T, first Note, sum bool) {
	for i := range v {
		fill(words(&v[i]), first+Note(i), sum)
	}
}

// Read returns the note of v and, if sum, whether its checksum is right.
func Read[T any](v *T, sum bool) (Note, bool) {
	w := words(v)
	end := len(w) - 1
	return Note(w[0]), !sum || Sum(w[:end]) == w[end]
}

// FillBytes writes an event into plain bytes, whose length is a multiple of
// eight and at least 16, and which start at a multiple of eight.
func FillBytes(b []byte, n Note, sum bool) { fill(wordsOf(b), n, sum) }

// ReadBytes is Read for what FillBytes wrote.
func ReadBytes(b []byte, sum bool) (Note, bool) {
	w := wordsOf(b)
	end := len(w) - 1
	return Note(w[0]), !sum || Sum(w[:end]) == w[end]
}

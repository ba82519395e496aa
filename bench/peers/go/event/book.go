package event

// Writer writes the events of one publisher, one after another.
type Writer struct {
	Kind Kind
	// Size is the length of each event.
	Size int
	// Last marks every further event as the final one.
	Last bool
	seq  uint64
}

// Next writes the next event into b.
func (w *Writer) Next(b []byte) {
	w.Kind.Fill(b[:w.Size], w.seq, w.Last)
	w.seq++
}

// Pack writes the next n events into b, one behind the other, and returns how
// many bytes they take.
func (w *Writer) Pack(b []byte, n int) int {
	for i := range n {
		w.Next(b[i*w.Size:])
	}
	return n * w.Size
}

// Count is how many events were written.
func (w *Writer) Count() uint64 { return w.seq }

// Book is what one subscriber got.
type Book struct {
	Kind Kind
	// Received counts all events, right or wrong.
	Received uint64
	// Gaps are events that a later one overtook for good, or that never came.
	Gaps uint64
	// Disordered came after a later one, or twice; Corrupt had wrong content.
	Disordered, Corrupt uint64
	// Done says that the publisher's last event was seen.
	Done bool
	next uint64
}

// See books one event and says whether more are to come.
func (b *Book) See(event []byte) bool {
	b.Received++
	seq, last, ok := b.Kind.Read(event)
	switch {
	case !ok:
		b.Corrupt++
		return true
	case seq < b.next:
		b.Disordered++
		return true
	}
	b.Gaps += seq - b.next
	b.next = seq + 1
	b.Done = last
	return !last
}

// Each shows the events that lie one behind the other in packed, each of size
// bytes, until see wants no more; what is left over at the end is shown too.
func Each(packed []byte, size int, see func([]byte) bool) bool {
	for len(packed) > size {
		if !see(packed[:size:size]) {
			return false
		}
		packed = packed[size:]
	}
	return see(packed)
}

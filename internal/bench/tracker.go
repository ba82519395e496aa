package bench

import "github.com/rvoip/shmbus/internal/bench/payload"

// tracker is a receiver's book of what it got. Its fields but next are what it
// reports.
type tracker struct {
	Received uint64 `json:"received"`
	// Gaps are events that a later one of the same publisher overtook for good.
	Gaps uint64 `json:"gaps"`
	// Missed is what the bus itself said was lost.
	Missed     uint64 `json:"missed"`
	Disordered uint64 `json:"disordered"`
	Corrupt    uint64 `json:"corrupt"`

	step     uint64       // events of a publisher from one that comes to the next
	next     []uint64     // per publisher; of that of due, due knows
	due      payload.Note // mostly comes next
	finished int          // publishers whose last event was seen
}

func newTracker(publishers int, step uint64) *tracker {
	return &tracker{step: step, next: make([]uint64, publishers)}
}

// see books one event. It is short, so that the compiler puts it into its callers:
// mostly the event is the next one.
func (t *tracker) see(n payload.Note, ok bool) {
	t.Received++
	if ok && n == t.due {
		t.due += payload.Note(t.step)
	} else {
		t.look(n, ok)
	}
}

// look is see for any event.
func (t *tracker) look(n payload.Note, ok bool) {
	if p := t.due.Publisher(); p < len(t.next) {
		t.next[p] = t.due.Seq()
	}
	p := n.Publisher()
	if !ok || p >= len(t.next) {
		t.Corrupt++
		return
	}
	seq := n.Seq()
	if seq != t.next[p] {
		// The last event comes to everybody, out of step.
		early := n.Last() && seq < t.next[p] && seq+t.step > t.next[p]
		if seq < t.next[p] && !early {
			t.Disordered++
			return
		}
		if !early {
			t.Gaps += (seq - t.next[p]) / t.step
			if !n.Last() && seq%t.step != 0 {
				t.Corrupt++
			}
		}
	}
	t.next[p] = seq + t.step
	t.due = payload.NewNote(p, t.next[p], false)
	if n.Last() {
		t.finished++
	}
}

// done says that every publisher's last event was seen.
func (t *tracker) done() bool { return t.finished == len(t.next) }

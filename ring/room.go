package ring

import (
	"sync/atomic"

	"github.com/rvoip/shmbus/internal/failpoint"
	"github.com/rvoip/shmbus/internal/word"
)

// A producer without room leaves the position it waits for beside the cursor
// that holds it back, in a line that this reader owns anyway, so that looking
// for it costs readers nothing.
//
//	producer: room count; want = target; cursor again; wait on the room count
//	reader:   cursor; want; if passed: want = 0, room count + 1, wake

// RoomTicket is what AwaitRoom waits to change.
type RoomTicket struct{ count uint32 }

// PrepareRoom asks the reader that is furthest behind to wake whoever waits for
// room once there is some again. It returns false when there is room already.
func (l *Lane) PrepareRoom() (RoomTicket, bool) {
	ticket := RoomTicket{l.room.Load()}
	i, pos, full := l.slowest()
	if !full {
		return ticket, false
	}
	n := uint64(l.geo.Capacity)
	// Not at the first free entry, or reader and producer would go on in
	// lockstep, a wake for every event.
	target := pos + max(n/8, 1)
	failpoint.Hit(stepWant)
	want := l.cursors[i].want
	for range hintTries {
		w := want.Load()
		if w != 0 && !before(target<<1, w&^1) {
			break // an earlier target of another producer will do
		}
		if want.CompareAndSwap(w, target<<1|1) {
			break
		}
	}
	// The second look pairs with the want load in wakeRoom: either the reader
	// sees the want, or we see its cursor. It must be the same reader: another
	// one at the same position knows of no want.
	j, now, full := l.slowest()
	return ticket, full && j == i && !before(pos, now)
}

// AwaitRoom sleeps until a reader has made room, somebody calls WakeRoom, or
// the deadline (monotonic ns, see Parker). It may return early: look again.
func (l *Lane) AwaitRoom(t RoomTicket, deadline int64) error {
	failpoint.Hit(stepRoomWait)
	return l.parker.Park(word.Futex(l.room), t.count, AllBits, deadline, nil)
}

// WakeRoom wakes every producer of the lane that waits for room, so that it
// looks again.
func (l *Lane) WakeRoom() {
	l.room.Add(1)
	_ = l.parker.Wake(word.Futex(l.room), AllBits)
}

// Behind is how many events the reader has still to read that holds producers up
// next: 0 if none does.
func (l *Lane) Behind() uint64 {
	t := l.Tail()
	_, pos, _ := l.slowest()
	if before(t, pos) {
		return 0 // the tail has been helped on meanwhile
	}
	return t - pos
}

// slowest finds the gated cursor furthest behind, and whether it leaves no room
// for the next event.
func (l *Lane) slowest() (reader int, pos uint64, full bool) {
	t := l.Tail()
	pos = t
	for i := range l.used() {
		c := cursor(l.cursors[i].word.Load())
		if !c.joined() || !c.gated() {
			continue
		}
		if q := l.gate(i, c.pos(t)); before(q, pos) {
			reader, pos = i, q
		}
	}
	return reader, pos, !before(t, pos+uint64(l.geo.Capacity))
}

// wakeRoom wakes the producers that wait for reader i to come to pos.
func (l *Lane) wakeRoom(i int, pos uint64) {
	want := l.cursors[i].want
	// After the cursor has moved: pairs with the second look in PrepareRoom.
	w := want.Load()
	if w == 0 || before(pos<<1, w&^1) {
		return
	}
	l.notifyRoom(want)
}

func (l *Lane) notifyRoom(want *atomic.Uint64) {
	if want.Swap(0) == 0 {
		return
	}
	failpoint.Hit(stepRoomWake)
	l.WakeRoom()
}

package ring_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// A world is what the processes of a test share: a mapped file with a lane, a
// bell, and a ledger in which each of them writes down what it did. The ledger
// outlives whoever is killed.
//
// Whoever takes part has an id. It holds the lock byte of that number for as
// long as it lives, owns ports under that number, and owns the cursors id,
// id + ids, id + 2 x ids …
type world struct {
	id     int
	region *shm.Region
	lane   *ring.Lane
	bell   *ring.Bell

	allowed  *atomic.Uint64  // events producers may publish since the start; pacing only
	accepted []atomic.Uint64 // by producer: how many events were accepted
	ledger   []atomic.Uint64 // by position: which event lies there
}

const (
	ids         = 16 // participants of a world
	perID       = 6  // producers and cursors of each
	ledgerSize  = 1 << 18
	worldName   = "world"
	worldWindow = 2
	worldBatch  = 6
)

func worldGeometry(reliable bool) ring.Geometry {
	return ring.Geometry{
		Capacity: 8, SlotSize: 128, Ports: 14, Pins: 40, Batch: worldBatch, Readers: ids * perID, Reliable: reliable,
	}
}

// wideGeometry is that of a world whose readers pin more ahead than they poll, and
// move on after several polls.
func wideGeometry(reliable bool) ring.Geometry {
	geo := worldGeometry(reliable)
	geo.Capacity, geo.Pins = wideCapacity, 320
	return geo
}

const wideCapacity = 64

// window is how many events a reader of this world pins.
func (w *world) window() int {
	if w.lane.Geometry().Capacity == wideCapacity {
		return 16
	}
	return worldWindow
}

type worldLayout struct{ lane, bell, words, accepted, ledger, size int }

func layoutOf(geo ring.Geometry) worldLayout {
	up := func(n int) int { return (n + 127) &^ 127 }
	var l worldLayout
	l.lane = shm.HeaderSize
	l.bell = up(l.lane + geo.Size())
	l.words = l.bell + ring.BellSize
	l.accepted = l.words + 128
	l.ledger = up(l.accepted + 8*ids*perID)
	l.size = l.ledger + 8*ledgerSize
	return l
}

// createWorld makes a world whose first event will have position start.
func createWorld(t *testing.T, geo ring.Geometry, start uint64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	at := layoutOf(geo)
	r, err := shm.Create(worldName, &shm.Options{Dir: dir, Size: int64(at.size), Init: func(mem []byte) error {
		return ring.Format(mem[at.lane:at.bell], geo, start)
	}})
	require.NoError(t, err)
	require.NoError(t, r.Release())
	return dir
}

// enter attaches to a world under an id that nobody else has.
func enter(dir string, geo ring.Geometry, id int) (*world, error) {
	r, err := shm.Open(worldName, &shm.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	parker := &ring.FutexParker{}
	mem, at := r.Bytes(), layoutOf(geo)
	lane, err := ring.Attach(mem[at.lane:at.bell], geo, parker)
	if err != nil {
		return nil, err
	}
	if ok, err := r.TryLock(id); err != nil || !ok {
		return nil, fmt.Errorf("lock byte %d is taken: %w", id, err)
	}
	return &world{
		id: id, region: r, lane: lane, bell: ring.NewBell(mem[at.bell:], parker),
		allowed:  word.U64(mem, at.words),
		accepted: word.U64s(mem, at.accepted, ids*perID),
		ledger:   word.U64s(mem, at.ledger, ledgerSize),
	}, nil
}

func (w *world) leave() error { return w.region.Release() }

// published is how many events the lane has seen.
func (w *world) published() uint64 { return w.lane.Tail() - w.lane.Start() }

// record writes down that e lies at pos. It fails if somebody saw another event
// there.
func (w *world) record(pos uint64, e event) error {
	i := pos - w.lane.Start()
	if i >= uint64(len(w.ledger)) {
		return fmt.Errorf("position %d lies outside the ledger of %d events", i, len(w.ledger))
	}
	v := 1<<63 | uint64(e.producer)<<40 | e.seq
	if !w.ledger[i].CompareAndSwap(0, v) && w.ledger[i].Load() != v {
		was := w.ledger[i].Load()
		return fmt.Errorf("position %d is that of %v and of %v", pos, e, event{uint32(was>>40) & 0xffff, was & (1<<40 - 1)})
	}
	return nil
}

func (w *world) recorded(i uint64) (event, bool) {
	v := w.ledger[i].Load()
	return event{uint32(v>>40) & 0xffff, v & (1<<40 - 1)}, v != 0
}

// recover cleans up after participant id, if it is dead.
func (w *world) recover(id int) (dead bool, err error) {
	dead, err = w.region.TryLock(id)
	if !dead || err != nil {
		return dead, err
	}
	for i := range w.lane.Geometry().Ports {
		if w.lane.PortOwner(i) == uint64(id) {
			w.lane.RecoverPort(i)
		}
	}
	for k := range perID {
		w.lane.ClearCursor(id + k*ids)
	}
	return true, w.region.Unlock(id)
}

// audit holds a world without living producers to account: every slot has its
// place, and every event that a producer was told to be accepted lies at one
// position, in order. Of those in killed, one batch each may have been published
// without their knowing.
func (w *world) audit(killed map[int]bool) error {
	if err := w.lane.Check(); err != nil {
		return err
	}
	// The last lap is still there, whole.
	if err := w.lane.Reserve(0, 1); err != nil {
		return err
	}
	last := w.lane.NewReader(0, 1)
	last.JoinOldest()
	for {
		n, missed, err := last.Poll(1)
		if err != nil || missed > 0 {
			return fmt.Errorf("the last lap: missed %d, %w", missed, err)
		}
		if n == 0 {
			break
		}
		slot, pos := last.Slot(0)
		e, err := read(slot)
		if err != nil {
			return fmt.Errorf("the last lap, position %d: %w", pos, err)
		}
		if err := w.record(pos, e); err != nil {
			return err
		}
	}
	total := last.Position() - w.lane.Start()
	last.Leave()

	reliable := w.lane.Geometry().Reliable
	next := map[uint32]uint64{}
	for i := range total {
		e, known := w.recorded(i)
		if !known && reliable {
			return fmt.Errorf("nobody saw event %d of a reliable lane", i)
		}
		if !known {
			continue
		}
		if want := next[e.producer]; e.seq < want || reliable && e.seq > want {
			return fmt.Errorf("event %d is %v, after event %d of its producer", i, e, int64(want)-1)
		}
		next[e.producer] = e.seq + 1
	}
	sum, slack := uint64(0), uint64(0)
	for p := range w.accepted {
		told := w.accepted[p].Load()
		sum += told
		most := told
		if killed[p%ids] {
			most += worldBatch
			slack += worldBatch
		}
		if got := next[uint32(p)]; got > most || reliable && got < told {
			return fmt.Errorf("producer %d was told that %d events were accepted, %d are there", p, told, got)
		}
	}
	if total < sum || total > sum+slack {
		return fmt.Errorf("%d events were published, producers know of %d", total, sum)
	}
	return nil
}

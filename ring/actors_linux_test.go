package ring_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

// actor takes part in a world, in a process of its own or in the test's. It
// goes on until stop, and counts what it has done.
type actor struct {
	*world
	stop  atomic.Bool
	done  atomic.Uint64 // publishes, events read, joins … whatever it is there for
	hurry bool          // do not wait for the test's permission to publish

	// spareHolder keeps this producer from evicting the participant that
	// waits for nothing else.
	spareHolder atomic.Bool
}

// spares tells whether a reader that stands still is to keep its gate: the
// test's own are slow at worst, children may be dead or frozen.
func (a *actor) spares(reader int) bool {
	if id := reader % ids; id != holderID {
		return id < childID
	}
	return a.spareHolder.Load()
}

// bellBit is what producers ring with.
const bellBit = 1

func bound(d time.Duration) int64 { return shm.Now() + int64(d) }

// mayPublish waits until the test allows one event more.
func (a *actor) mayPublish() bool {
	for !a.stop.Load() {
		if a.hurry || int64(a.allowed.Load()-a.published()) > 0 {
			return true
		}
		time.Sleep(20 * time.Microsecond)
	}
	return false
}

// produce publishes batches of n events through port after port (every > 0:
// a new one after so many batches), as the k-th producer of this participant.
func (a *actor) produce(k, n, every int) error {
	producer := uint32(a.id + k*ids)
	for !a.stop.Load() {
		port, err := a.lane.ClaimPort(uint64(a.id))
		if err != nil {
			return err
		}
		p, err := a.lane.NewProducer(port, nil)
		if err != nil {
			return err
		}
		for i := 0; (every == 0 || i < every) && a.mayPublish(); i++ {
			if err := a.publish(p, producer, n); err != nil {
				return fmt.Errorf("participant %d, event %d: %w", a.id, a.accepted[producer].Load(), err)
			}
		}
		a.lane.ReleasePort(port)
	}
	return nil
}

// publish publishes n events and gives up only when stopped.
func (a *actor) publish(p *ring.Producer, producer uint32, n int) error {
	seq := a.accepted[producer].Load()
	cells := make([]int, 0, worldBatch)
	for k := range n {
		c, slot, err := p.Reserve()
		if err != nil {
			return err
		}
		event{producer, seq + uint64(k)}.fill(slot)
		cells = append(cells, c)
	}
	var before []ring.Gate
	for len(cells) > 0 {
		m, last, err := 0, uint64(0), error(nil)
		if n == 1 {
			if last, err = p.Publish(cells[0]); err == nil {
				m = 1
			}
		} else {
			m, last, err = p.PublishBatch(cells)
		}
		if m > 0 {
			seq += uint64(m)
			a.accepted[producer].Store(seq)
			a.done.Add(uint64(m))
			if err := a.record(last, event{producer, seq - 1}); err != nil {
				return err
			}
			a.bell.Ring(bellBit)
			cells = cells[m:]
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, ring.ErrFull) || !a.lane.Geometry().Reliable {
			return err
		}
		if a.stop.Load() {
			for _, c := range cells {
				p.Cancel(c)
			}
			return nil
		}
		before = a.makeRoom(before)
	}
	return nil
}

// makeRoom waits for room, and evicts readers that have not moved since the
// look before and are not to be spared.
func (a *actor) makeRoom(before []ring.Gate) []ring.Gate {
	gates := a.lane.Gates(nil)
	for _, g := range gates {
		for _, b := range before {
			if g.Same(b) && !a.spares(g.Reader) {
				a.lane.Evict(g.Reader, g)
			}
		}
	}
	if ticket, full := a.lane.PrepareRoom(); full {
		_ = a.lane.AwaitRoom(ticket, bound(2*time.Millisecond))
	}
	return gates
}

// follower is one life of a reader.
type follower struct {
	*actor
	r      *ring.Reader
	next   uint64 // position it must see next
	missed uint64
	window []seen
}

// join gives the actor's k-th cursor a reader.
func (a *actor) join(k int, how func(*ring.Reader)) (*follower, error) {
	i := a.id + k*ids
	if err := a.lane.Reserve(i, a.window()); err != nil {
		return nil, err
	}
	r := a.lane.NewReader(i, a.window())
	how(r)
	return &follower{actor: a, r: r, next: r.Position() - r.Owed()}, nil
}

// poll reads a window whole, checks that nothing was left out unnoticed, and
// writes down what it saw.
func (f *follower) poll() (int, error) {
	n, missed, err := f.r.Poll(worldWindow)
	if err != nil {
		return 0, err
	}
	f.missed += missed
	f.next += missed
	f.window = f.window[:0]
	for k := range n {
		slot, pos := f.r.Slot(k)
		e, err := read(slot)
		if err != nil {
			return 0, fmt.Errorf("participant %d at position %d: %w", f.id, pos, err)
		}
		if pos != f.next {
			return 0, fmt.Errorf("participant %d is at position %d, expected %d", f.id, pos, f.next)
		}
		f.next++
		f.window = append(f.window, seen{pos, e})
		if err := f.record(pos, e); err != nil {
			return 0, err
		}
	}
	f.done.Add(uint64(n))
	return n, nil
}

// again checks that what is left of the window is what it was.
func (f *follower) again() error {
	left := f.window[len(f.window)-f.r.Window():]
	for k, was := range left {
		slot, pos := f.r.Slot(k)
		if e, err := read(slot); err != nil || (seen{pos, e}) != was {
			return fmt.Errorf("participant %d: while pinned, %v became %v at %d: %v", f.id, was, e, pos, err)
		}
	}
	return nil
}

// drained tells that r has read everything of a lane without producers.
func (f *follower) drained() bool { return f.stop.Load() && !f.r.Ready() }

// follow reads, piece by piece if it dawdles, until it is stopped and there is
// nothing left. Asleep it waits for the bell.
func (f *follower) follow(dawdle, sleep bool) error {
	for !f.drained() {
		n, err := f.poll()
		if err != nil {
			return err
		}
		if n == 0 {
			if err := f.idle(sleep); err != nil {
				return err
			}
			continue
		}
		if dawdle {
			runtime.Gosched()
			if err := f.again(); err != nil {
				return err
			}
			if err := f.r.Advance(1); err != nil {
				return err
			}
			if err := f.again(); err != nil {
				return err
			}
		}
	}
	f.r.Leave()
	return nil
}

// idle waits for an event, for a bounded time.
func (f *follower) idle(sleep bool) error {
	if !sleep {
		time.Sleep(20 * time.Microsecond)
		return nil
	}
	ticket := f.bell.Arm(bellBit)
	if f.r.Ready() || f.stop.Load() {
		return nil
	}
	return f.bell.Sleep(ticket, bellBit, bound(5*time.Millisecond), f.r.Ready)
}

// hold keeps its window until it is evicted, again and again.
func (f *follower) hold() error {
	for !f.drained() {
		n, err := f.poll()
		if err != nil {
			return err
		}
		for n > 0 && !f.stop.Load() && f.lane.Cursor(f.id).Gated {
			time.Sleep(20 * time.Microsecond)
		}
		if err := f.again(); err != nil {
			return err
		}
		if n == 0 {
			time.Sleep(20 * time.Microsecond)
		}
	}
	f.r.Leave()
	return nil
}

// pin keeps its first window until it is stopped.
func (f *follower) pin() error {
	for f.r.Window() < worldWindow && !f.stop.Load() {
		if _, err := f.poll(); err != nil {
			return err
		}
	}
	fmt.Println("pinned")
	for !f.stop.Load() {
		if err := f.again(); err != nil {
			return err
		}
		time.Sleep(20 * time.Microsecond)
	}
	if err := f.again(); err != nil {
		return err
	}
	f.r.Leave()
	return nil
}

// visit joins, by each way in turn, reads a few events and leaves.
func (a *actor) visit() error {
	ways := []func(*ring.Reader){
		(*ring.Reader).JoinOldest, (*ring.Reader).Join, (*ring.Reader).Resume,
		func(r *ring.Reader) { r.JoinAt(a.lane.Start()) },
		func(r *ring.Reader) { r.JoinAt(a.lane.Tail() - 1) },
	}
	for i := 0; !a.stop.Load(); i++ {
		f, err := a.join(0, ways[i%len(ways)])
		if err != nil {
			return err
		}
		for range 5 {
			n, err := f.poll()
			if err != nil {
				return err
			}
			if n == 0 {
				time.Sleep(20 * time.Microsecond)
			} else if err := f.again(); err != nil {
				return err
			}
		}
		if i%2 == 0 { // away for a moment, with less than a lap
			a.lane.Hold(a.id, 3)
			f.r.Detach()
			f.r = a.lane.NewReader(a.id, worldWindow)
			f.r.Resume()
		}
		f.r.Leave()
		a.done.Add(1)
	}
	return nil
}

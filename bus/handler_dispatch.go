package bus

import (
	"context"
	"errors"
	"sync"
	"time"
)

// dispatcher hands the events of one subscription to functions that run at the
// same time, at most max of them, on goroutines of its own:
//
//	        ┌ lead: whoever has nothing to do receives ┐
//	lanes ──┤                                          ├── ready ──▶ do ──▶ finished
//	        └ key at work? ── yes ──▶ behind that key ─┘     ▲                  │
//	                                         │               │                  │
//	                                         └───────────────┴── the key's next ┘
//
// One goroutine that has nothing to do leads: it receives, and then handles what
// it has received itself while another one leads. So an event changes goroutines
// only if it has to wait.
type dispatcher struct {
	sub    *Subscription
	intake intake
	max    int
	most   int // goroutines
	starve uint64
	do     func(*Event) error // handles an event; it does not panic
	tell   func(error)        // is told what the subscription meets

	// Of those that copy: how many events may wait, and who is given what is too
	// much, or has not begun at the end. He may say what is to be told.
	backlog int
	refuse  func(e *Event, leaving bool) error

	receiving context.Context // ends when nothing more is to be begun
	halt      context.CancelFunc
	running   context.Context // ends when what runs is to end, too
	abort     func()
	done      chan struct{} // closed once nothing runs and the subscription is closed

	mu      sync.Mutex
	idle    sync.Cond // goroutines with nothing to do
	idlers  int
	workers int
	leading bool              // somebody receives
	over    bool              // nothing more is to be begun
	ended   bool              // nothing more is to be received: the bus drains
	sweeps  bool              // of a server: what has come is to be refused at the end
	begun   uint64            // jobs so far
	at      int               // jobs at work
	out     int               // jobs received and not finished
	ready   queue             // jobs that may begin
	keys    map[uint64]*queue // keys at work, and the jobs behind each
	spare   []*queue
	free    *job
}

// intake is how a dispatcher receives. One goroutine at a time receives.
type intake interface {
	// receive makes j.event the next event. It waits for one, or returns ErrEmpty.
	receive(ctx context.Context, j *job, wait bool) error
	// finish is called when the event has been handled, drop when it is not to be.
	finish(j *job)
	drop(j *job)
}

// work is a goroutine's life: get a job, do it, until there is no more to come.
// It calls what is not ours, which may end the goroutine, without a lock.
func (d *dispatcher) work() {
	var j *job
	over := false
	defer func() {
		if over {
			d.leave()
			return
		}
		if j != nil {
			d.finish(j, errGoexit)
		}
		go d.work()
	}()
	for corrupt := 0; ; {
		var err error
		if j, err = d.get(); err != nil {
			corrupt = rest(corrupt, err)
			d.tell(err)
			continue
		}
		corrupt = 0
		if j == nil {
			over = true
			return
		}
		err = d.do(j.event)
		d.finish(j, err)
		j = nil
	}
}

// rest keeps a goroutine that receives in a region which is damaged for good from
// doing nothing else. It is given, and returns, how many errors in a row say so.
func rest(corrupt int, err error) int {
	if !errors.Is(err, ErrCorrupt) {
		return 0
	}
	if corrupt++; corrupt > restAfter {
		time.Sleep(time.Millisecond << min(corrupt-restAfter, 6))
	}
	return corrupt
}

// restAfter is how many corrupt events in a row are nothing special.
const restAfter = 64

// get returns a job to do, or nil when nothing more is to be begun, or what the
// subscription has met.
func (d *dispatcher) get() (*job, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.over {
		if !d.leading && !d.ended {
			if err := d.lead(); err != nil {
				d.call() // whoever is told may take his time
				return nil, err
			}
			if d.over {
				break // while we received
			}
		}
		if j := d.begin(); j != nil {
			return j, nil
		}
		if d.ended {
			return nil, nil // what cannot begin yet is for those at work
		}
		if d.leading {
			d.idlers++
			d.idle.Wait()
			d.idlers--
		}
	}
	d.sweep()
	return nil, nil
}

// mayBegin tells whether there is a job to begin now.
func (d *dispatcher) mayBegin() bool { return d.at < d.max && d.ready.n > 0 }

// lead receives one event. d.mu is held, but not while it waits.
func (d *dispatcher) lead() error {
	d.leading = true
	// Something may be ready because the one before it has been handled: then
	// look whether there is something more urgent, but do not wait for it.
	wait := !d.mayBegin()
	j := d.take()
	err := d.receive(j, wait)
	if err == nil && d.refuse != nil && d.out-d.at >= d.backlog {
		d.mu.Unlock()
		if err = d.refuse(j.event, false); err == nil {
			err = ErrEmpty
		}
		d.mu.Lock()
	}
	d.leading = false
	if err == nil {
		d.out++
		d.stage(j)
		return nil
	}
	d.put(j)
	switch {
	case errors.Is(err, ErrEmpty):
		return nil
	case errors.Is(err, ErrDraining):
		d.ended = true
		d.idle.Broadcast()
		return nil
	case errors.Is(err, ErrClosed) || d.receiving.Err() != nil:
		err = nil
	case !errors.Is(err, ErrFault):
		return err
	}
	d.over = true
	d.idle.Broadcast()
	return err
}

// receive receives without d.mu, and has it again when it ends, however it does: a
// filter may end the goroutine, or panic.
func (d *dispatcher) receive(j *job, wait bool) (err error) {
	d.mu.Unlock()
	returned := false
	defer func() {
		d.mu.Lock()
		if !returned {
			d.leading = false
			d.put(j)
		}
	}()
	err = d.intake.receive(d.receiving, j, wait)
	returned = true
	return err
}

// stage puts a job where it has to wait: behind its key, or nowhere.
func (d *dispatcher) stage(j *job) {
	j.since = d.begun
	j.key = j.event.Header().Key
	if !d.ordered(j) {
		d.ready.push(j)
		return
	}
	if behind, busy := d.keys[j.key]; busy {
		behind.push(j)
		return
	}
	if n := len(d.spare); n > 0 {
		d.keys[j.key], d.spare = d.spare[n-1], d.spare[:n-1]
	} else {
		d.keys[j.key] = new(queue)
	}
	d.ready.push(j)
}

// ordered tells whether a job has to wait for others of its key. One at a time
// are in order anyway.
func (d *dispatcher) ordered(j *job) bool { return d.max > 1 && j.key != 0 }

// begin takes a job that is ready, and sees to it that somebody looks for more.
func (d *dispatcher) begin() *job {
	if !d.mayBegin() {
		return nil
	}
	j := d.ready.pop(d.begun, d.starve)
	d.begun++
	d.at++
	if d.mayBegin() || !d.leading && !d.ended {
		d.call()
	}
	return j
}

// call gets a goroutine that has nothing to do, or one more.
func (d *dispatcher) call() {
	switch {
	case d.idlers > 0:
		d.idle.Signal()
	case d.workers < d.most:
		d.workers++
		go d.work()
	}
}

// finish ends a job: the next of its key may begin. One that has failed as it was told
// to end is not done: somebody else is to have it.
func (d *dispatcher) finish(j *job, err error) {
	if err != nil && d.running.Err() != nil {
		d.intake.drop(j)
	} else {
		d.intake.finish(j)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at--
	d.out--
	if d.ordered(j) {
		behind := d.keys[j.key]
		if next := behind.pop(d.begun, d.starve); next != nil {
			d.ready.push(next)
		} else {
			delete(d.keys, j.key)
			d.spare = append(d.spare, behind)
		}
	}
	d.put(j)
}

// take returns a job to be filled in, and put takes it back.
func (d *dispatcher) take() *job {
	j := d.free
	if j == nil {
		return new(job)
	}
	d.free, j.next = j.next, nil
	return j
}

func (d *dispatcher) put(j *job) { j.next, d.free = d.free, j }

// counts says how many functions run, and how many events wait behind them.
func (d *dispatcher) counts() (running, waiting int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at, d.out - d.at
}

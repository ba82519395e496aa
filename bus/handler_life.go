package bus

import (
	"context"
	"fmt"
)

// newDispatcher makes a dispatcher, which receives nothing before it is started.
func newDispatcher(s *Subscription, in intake, most int, calls *invoker) *dispatcher {
	d := &dispatcher{
		sub: s, intake: in, max: most, most: most, starve: uint64(s.starve), do: calls.invoke, tell: calls.tell,
		done: make(chan struct{}), keys: make(map[uint64]*queue), workers: 1,
	}
	d.idle.L = &d.mu
	d.receiving, d.halt = context.WithCancel(context.Background())
	d.running, d.abort = context.WithCancel(context.Background())
	return d
}

// takesAll makes one goroutine receive also while all functions are at work. So
// many events may wait; refuse is given what is too much.
func (d *dispatcher) takesAll(backlog int, refuse func(*Event, bool) error) {
	d.most++
	d.backlog, d.refuse = backlog, refuse
}

// checkConcurrent bounds an option.
func checkConcurrent(n int) error {
	if n < 1 || n > maxConcurrent {
		return fmt.Errorf("%w: MaxConcurrent is %d, must be 1 to %d", ErrOptions, n, maxConcurrent)
	}
	return nil
}

// start begins to receive.
func (d *dispatcher) start() {
	// What runs is to end as soon as somebody closes the subscription, also while
	// nobody receives who would notice.
	cut := d.cut
	d.sub.onClose.Store(&cut)
	if d.sub.state.Load()&closed != 0 {
		d.cut()
	}
	b := d.sub.bus
	b.subMu.Lock()
	b.workers[d] = struct{}{}
	b.subMu.Unlock()
	go d.work()
}

// leave ends a goroutine. The last one to go closes the subscription.
func (d *dispatcher) leave() {
	d.mu.Lock()
	d.workers--
	last := d.workers == 0
	d.mu.Unlock()
	if !last {
		return
	}
	d.halt()
	d.abort()
	_ = d.sub.Close()
	d.mu.Lock()
	d.drop()
	d.mu.Unlock()
	close(d.done)
	b := d.sub.bus
	b.subMu.Lock()
	delete(b.workers, d)
	b.subMu.Unlock()
	b.stir()
}

// sweep refuses what has come to a server and will not be served, so that its
// callers need not wait for their deadlines. d.mu is held.
func (d *dispatcher) sweep() {
	if !d.sweeps || d.leading {
		return // or somebody else comes here
	}
	d.sweeps = false
	d.drop()
	j := d.take()
	d.mu.Unlock()
	defer d.mu.Lock()
	// No more than has come by now: there may be no end to what comes.
	for left := d.sub.Stats().Depth; left > 0; left-- {
		if d.intake.receive(context.Background(), j, false) != nil {
			return
		}
		_ = d.refuse(j.event, true)
	}
}

// drop gets rid of what has been received and not begun. d.mu is held.
func (d *dispatcher) drop() {
	for _, behind := range d.keys {
		for j := behind.pop(d.begun, d.starve); j != nil; j = behind.pop(d.begun, d.starve) {
			d.ready.push(j)
		}
	}
	for j := d.ready.pop(d.begun, d.starve); j != nil; j = d.ready.pop(d.begun, d.starve) {
		d.out--
		if d.refuse != nil {
			_ = d.refuse(j.event, true)
		}
		d.intake.drop(j)
	}
}

// stop lets nothing more begin, and waits until what runs has ended. When ctx
// ends before that, what runs is told to end, and stop waits no longer.
func (d *dispatcher) stop(ctx context.Context) error {
	d.mu.Lock()
	d.over = true
	d.idle.Broadcast()
	d.mu.Unlock()
	d.halt()
	select {
	case <-d.done:
		return nil
	default:
	}
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		d.abort()
		return ended(ctx)
	}
}

// cut lets nothing more begin, and tells what runs to end. In this order: nothing is
// to begin with a context that has ended, though it may have ended by the time the
// function looks.
func (d *dispatcher) cut() {
	d.mu.Lock()
	d.over = true
	d.idle.Broadcast()
	d.mu.Unlock()
	d.abort()
}

// close is stop for those who do not wait for what runs to end by itself.
func (d *dispatcher) close() {
	d.cut()
	_ = d.stop(context.Background())
}

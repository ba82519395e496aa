package floor

import (
	"context"
	"time"

	"github.com/rvoip/shmbus/internal/bench/payload"
	"github.com/rvoip/shmbus/shm"
)

// stopLine ends the line floor; the leader's odd numbers never reach it.
const stopLine = ^uint64(0)

const lineGroup = 64 // round trips that one reading of the clock is shared by

func (a *area) leadLine() (float64, error) {
	var v uint64
	s := newSamples(a.o.Budget)
	for s.more() {
		start := time.Now()
		for range lineGroup {
			a.line.Store(v + 1) // pairs with the load in echoLine
			v += 2
			for n := 0; a.line.Load() != v; {
				if !a.rest(&n) {
					return 0, context.Cause(a.ctx)
				}
			}
		}
		s.add(time.Since(start), 2*lineGroup)
	}
	a.line.Store(stopLine)
	return s.median(), nil
}

func (a *area) echoLine() error {
	for v, n := uint64(1), 0; ; {
		switch a.line.Load() { // pairs with the store in leadLine
		case v:
			a.line.Store(v + 1)
			v, n = v+2, 0
		case stopLine:
			return nil
		default:
			if !a.rest(&n) {
				return context.Cause(a.ctx)
			}
		}
	}
}

func (a *area) send(r *ring, n payload.Note) error {
	for rounds := 0; ; {
		if b := r.room(); b != nil {
			payload.FillBytes(b, n, a.o.Verify)
			return nil
		}
		if !a.rest(&rounds) {
			return context.Cause(a.ctx)
		}
	}
}

// receive pauses while it waits if it may let a backlog build: a reader that
// looks at the tail all the time takes its line away from the writer.
func (a *area) receive(r *ring, pause int) (payload.Note, error) {
	for rounds := 0; ; {
		if b := r.next(); b != nil {
			n, ok := payload.ReadBytes(b, a.o.Verify)
			if !ok {
				return 0, ErrDamaged
			}
			return n, nil
		}
		if pause > 0 {
			shm.Pause(pause)
		}
		if !a.rest(&rounds) {
			return 0, context.Cause(a.ctx)
		}
	}
}

const tripGroup = 16

func (a *area) leadTrip() (float64, error) {
	s := newSamples(a.o.Budget)
	var seq uint64
	for last := false; !last; {
		last = !s.more()
		start := time.Now()
		for i := range tripGroup {
			if err := a.send(&a.there, payload.NewNote(0, seq, last && i == tripGroup-1)); err != nil {
				return 0, err
			}
			a.there.publish()
			if _, err := a.receive(&a.back, 0); err != nil {
				return 0, err
			}
			a.back.release()
			seq++
		}
		s.add(time.Since(start), 2*tripGroup)
	}
	return s.median(), nil
}

func (a *area) echoTrip() error {
	for {
		n, err := a.receive(&a.there, 0)
		if err != nil {
			return err
		}
		a.there.release()
		if err := a.send(&a.back, n); err != nil {
			return err
		}
		a.back.publish()
		if n.Last() {
			return nil
		}
	}
}

const (
	streamWindow = 4096 // events that one reading of the clock is shared by
	releaseEvery = 64   // events read before the writer gets their room
)

func (a *area) leadStream() (float64, error) {
	s := newSamples(a.o.Budget)
	var seq uint64
	unpublished := 0
	for last := false; !last; {
		last = !s.more()
		start := time.Now()
		for i := range streamWindow {
			if err := a.send(&a.there, payload.NewNote(0, seq, last && i == streamWindow-1)); err != nil {
				return 0, err
			}
			if unpublished++; unpublished >= a.o.Batch {
				a.there.publish()
				unpublished = 0
			}
			seq++
		}
		s.add(time.Since(start), streamWindow)
	}
	a.there.publish()
	return s.median(), nil
}

func (a *area) echoStream() error {
	for {
		n, err := a.receive(&a.there, streamPause)
		if err != nil {
			return err
		}
		if a.there.drained() || a.there.own%releaseEvery == 0 {
			a.there.release()
		}
		if n.Last() {
			return nil
		}
	}
}

const stopWake = ^uint32(0)

func (a *area) leadFutex() (float64, error) {
	s := newSamples(a.o.Budget)
	var v uint32
	for s.more() {
		v++
		start := time.Now()
		if err := wake(a.wakeA, v); err != nil {
			return 0, err
		}
		if _, err := a.sleep(a.wakeB, v-1); err != nil {
			return 0, err
		}
		s.add(time.Since(start), 2)
	}
	a.futexP99 = s.quantile(0.99)
	return s.median(), wake(a.wakeA, stopWake)
}

func (a *area) echoFutex() error {
	for v := uint32(0); ; {
		now, err := a.sleep(a.wakeA, v)
		if err != nil || now == stopWake {
			return err
		}
		v = now
		if err := wake(a.wakeB, v); err != nil {
			return err
		}
	}
}

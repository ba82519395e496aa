package ring_test

import (
	"fmt"
	"runtime"

	"github.com/rvoip/shmbus/ring"
)

// witness follows one life of a reader.
type witness struct {
	s *stress
	r *ring.Reader
	life
}

func (s *stress) witness(who string, r *ring.Reader) *witness {
	w := &witness{s: s, r: r}
	w.who, w.from, w.tail = who, r.Position(), s.lane.Tail()
	return w
}

// poll opens a window and checks it whole. It reports how many events it holds.
func (w *witness) poll(max int) (int, bool) {
	n, missed, err := 0, uint64(0), error(nil)
	if w.received%2 == 0 && w.r.Next(max) {
		n = w.r.Window()
	} else {
		n, missed, err = w.r.Poll(max)
	}
	if err != nil {
		w.s.fail(fmt.Errorf("%s: %w", w.who, err))
		return 0, false
	}
	w.missed += missed
	w.received += uint64(n)
	for k := range n {
		slot, pos := w.r.Slot(k)
		e, err := read(slot)
		if err != nil {
			w.s.fail(fmt.Errorf("%s at position %d: %w", w.who, pos, err))
			return 0, false
		}
		w.events = append(w.events, seen{pos, e})
	}
	return n, true
}

// again checks that what is left of the window has not changed.
func (w *witness) again() bool {
	n := w.r.Window()
	for k := range n {
		slot, pos := w.r.Slot(k)
		e, err := read(slot)
		if want := w.events[len(w.events)-n+k]; err != nil || want != (seen{pos, e}) {
			w.s.fail(fmt.Errorf("%s: while pinned, %v at position %d became %v at %d (%v)", w.who, want.event, want.pos, e, pos, err))
			return false
		}
	}
	return true
}

func (w *witness) end() {
	w.to = w.r.Position()
	w.evicted = w.r.Evictions() > 0
	w.s.live(w.life)
}

// running tells whether there is, or will be, something for r to read. After
// the producers have ended the tail is exact.
func (s *stress) running(r *ring.Reader) bool {
	done := s.done.Load()
	return !s.stop.Load() && !(done && r.Position() == s.lane.Tail())
}

// steady reads from the first event to the last.
func (s *stress) steady(_ int, r *ring.Reader) {
	w := s.witness("steady reader", r)
	for s.running(r) {
		n, ok := w.poll(2)
		if !ok {
			return
		}
		if n == 0 {
			runtime.Gosched()
		} else if w.received%8 == 0 {
			runtime.Gosched()
			if !w.again() {
				return
			}
		}
	}
	w.end()
	r.Leave()
}

// steadyPiecewise gives its windows back event by event and dawdles.
func (s *stress) steadyPiecewise(_ int, r *ring.Reader) {
	w := s.witness("piecewise reader", r)
	for s.running(r) {
		if _, ok := w.poll(2); !ok {
			return
		}
		for r.Window() > 1 {
			runtime.Gosched()
			if !w.again() {
				return
			}
			if err := r.Advance(1); err != nil {
				s.fail(err)
				return
			}
		}
		runtime.Gosched()
		if !w.again() {
			return
		}
	}
	w.end()
	r.Leave()
}

// comeAndGo joins, at the newest and at the oldest event in turn, reads a few
// events and leaves.
func (s *stress) comeAndGo(i int, r *ring.Reader) {
	r.Leave()
	window := stressWindow(s.lane.Geometry().Capacity)
	for round := 0; !s.stop.Load(); round++ {
		last := s.done.Load()
		if err := s.lane.Reserve(i, window); err != nil {
			s.fail(err)
			return
		}
		r = s.lane.NewReader(i, window)
		if round%2 == 0 {
			r.Join()
		} else {
			r.JoinOldest()
		}
		w := s.witness(fmt.Sprintf("reader that came and went, round %d", round), r)
		for len(w.events) < 20 && s.running(r) {
			n, ok := w.poll(2)
			if !ok {
				return
			}
			if n == 0 || round%3 == 0 {
				runtime.Gosched()
				if !w.again() {
					return
				}
			}
		}
		w.end()
		r.Leave()
		if last {
			return
		}
	}
}

// hold keeps its window until the lane has gone on for more than a lap: on a
// reliable lane until it is evicted, and with each poll it is gated again.
func (s *stress) hold(i int, r *ring.Reader) {
	w := s.witness("holding reader", r)
	lap := uint64(s.lane.Geometry().Capacity)
	for s.running(r) {
		n, ok := w.poll(2)
		if !ok {
			return
		}
		if n == 0 {
			runtime.Gosched()
			continue
		}
		for !s.stop.Load() && !s.done.Load() {
			if s.lane.Geometry().Reliable && !s.lane.Cursor(i).Gated || int64(s.lane.Tail()-r.Position()-lap) > 0 {
				break
			}
			runtime.Gosched()
		}
		if !w.again() {
			return
		}
	}
	w.end()
	r.Leave()
}

// resume detaches again and again, and goes on where it left.
func (s *stress) resume(i int, r *ring.Reader) {
	w := s.witness("resuming reader", r)
	round := 0
	for s.running(r) {
		n, ok := w.poll(2)
		if !ok {
			return
		}
		if n == 0 {
			runtime.Gosched()
		}
		if len(w.events)%7 != 0 || n == 0 {
			continue
		}
		// What is not given back is read again.
		left := r.Window()
		if round++; round%2 == 0 {
			left--
			if err := r.Advance(1); err != nil {
				s.fail(err)
				return
			}
		}
		r.Detach()
		w.events = w.events[:len(w.events)-left]
		w.received -= uint64(left)
		runtime.Gosched()
		r = s.lane.NewReader(i, stressWindow(s.lane.Geometry().Capacity))
		w.r = r
		r.Resume()
	}
	w.end()
	r.Leave()
}

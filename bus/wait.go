package bus

import (
	"context"
	"fmt"
	"runtime"

	"github.com/rvoip/shmbus/internal/word"
	"github.com/rvoip/shmbus/ring"
	"github.com/rvoip/shmbus/shm"
)

const (
	// autoPauses is how often WaitAuto looks again before it parks. Measured
	// on two shared cores, processes that park after 20 short pauses moved
	// 4.7 M events/s where spinning ones moved 0.26 M.
	autoPauses = 20
	// autoYields is how often it then lets another thread run first. Where
	// processes share cores, a subscriber comes back to a backlog instead of
	// being woken for single events, and the publisher does not pay for the
	// wake: with five subscribers on two busy cores the median of four runs
	// went from 0.77 to 2.28 M events/s.
	autoYields = 2
	// spinCheck is how often WaitSpin looks at what may end the wait.
	spinCheck = 1 << 10
	spinLooks = 2
)

// sleep waits until a lane may have something. It returns an error when the call
// is over.
func (s *Subscription) sleep(w waitFor) error {
	if err := s.over(w); err != nil {
		if s.armed {
			s.disarm()
		}
		return err
	}
	if err := s.release(); err != nil {
		return err
	}
	if s.wait != WaitSpin && s.byKeys() {
		return s.doze(w)
	}
	switch s.wait {
	case WaitSpin:
		return s.spin(w)
	case WaitAuto:
		for range autoPauses {
			if s.ready() {
				return nil
			}
			shm.Pause(1)
		}
		for range autoYields {
			s.bus.yield()
			if s.ready() {
				return nil
			}
		}
		if found, err := s.loiters(w); found || err != nil {
			return err
		}
	}
	return s.park(w)
}

// release gives back what has been read once there is nothing more: nobody may
// wait for who sleeps, or does something else.
func (s *Subscription) release() error {
	if s.acks != nil {
		return s.acks.release(s)
	}
	for _, l := range s.lanes {
		if err := l.release(); err != nil {
			return err
		}
	}
	return nil
}

// release moves the cursor past a window that is used up.
func (l *subLane) release() error {
	if l.reader.Window() == 0 || l.next < l.reader.Window() {
		return nil
	}
	err := l.reader.Advance(l.next)
	l.next = 0
	if err != nil {
		return laneError(l.lane, err)
	}
	return nil
}

// watch looks several times whether there is something.
func (s *Subscription) watch() bool {
	if len(s.lanes) == 1 && s.acks == nil && s.lanes[0].next >= s.lanes[0].reader.Window() && !s.ending.Load() {
		return s.lanes[0].reader.Watch(spinLooks)
	}
	for range spinLooks {
		if s.ready() {
			return true
		}
	}
	return false
}

func (s *Subscription) spin(w waitFor) error {
	for i := 1; ; i++ {
		// Several looks for a pause: a look that finds nothing new stays in our
		// cache, and a pause is as long as half a way of the event.
		if s.watch() {
			return nil
		}
		shm.Pause(1)
		if i%spinCheck == 0 {
			if err := s.over(w); err != nil {
				return err
			}
			if s.group != nil {
				s.group.tend(s)
			}
			runtime.Gosched()
		}
	}
}

// byKeys tells whether the subscription is woken by its keys alone. One that waits
// for an Ack or for a lane of its group, too, is not.
func (s *Subscription) byKeys() bool { return s.keys != nil && s.acks == nil && s.group == nil }

// doze sleeps until an event of the subscription's keys is published, whatever
// else may be. What it passes over holds nobody up: producers nudge whoever is
// half a lap behind. The first call arms the bell, and the caller looks at its
// lanes once more; when that comes to nothing, the second one sleeps.
func (s *Subscription) doze(w waitFor) error {
	if s.armed = !s.armed; s.armed {
		s.bus.region.subscribers[s.record].waiting.Store(1)
		s.ticket = s.bus.region.bell.ArmKeys(s.keys)
		return nil
	}
	return s.park(w)
}

// disarm ends a doze that has not come to sleep. The bits it has armed stay: they
// cost one wake too many.
func (s *Subscription) disarm() {
	s.armed = false
	s.bus.region.subscribers[s.record].waiting.Store(0)
}

// park sleeps on the bell.
func (s *Subscription) park(w waitFor) (err error) {
	b := s.bus
	// Close wakes who is asleep; who is not will look at the state.
	if !s.dozed() {
		return s.over(w)
	}
	defer func() {
		// Close waits for us: it must not come to wait for a callback.
		if s.wakened()&closed != 0 && err == nil {
			err = s.over(w)
		}
	}()
	rec := &b.region.subscribers[s.record]
	rec.waiting.Store(1)
	defer rec.waiting.Store(0)
	s.heed(w.ctx)
	ticket, mask, ready := s.ticket, ring.KeyBit, (func() bool)(nil)
	byKeys := s.byKeys()
	for {
		if !byKeys {
			ticket, mask, ready = b.region.bell.Arm(s.mask), s.mask, s.stirs
			if s.ready() {
				return nil
			}
		}
		if err := s.over(w); err != nil {
			return err
		}
		deadline := later(shm.Now(), b.opts.Heal)
		if w.deadline != 0 {
			deadline = min(deadline, w.deadline)
		}
		err := b.region.bell.Sleep(ticket, mask|nudgeBit(s.record), deadline, ready)
		word.OwnerAdd(rec.wakeups, 1)
		if err != nil {
			return fmt.Errorf("wait for an event: %w", err)
		}
		if s.group != nil {
			s.group.tend(s)
		}
		if byKeys {
			return nil // to look at what has come
		}
	}
}

// heed makes the end of ctx wake us. It stays in force after the call, since the
// next one mostly comes with the same context, and a wake too many does no harm.
func (s *Subscription) heed(ctx context.Context) {
	if ctx == nil || ctx.Done() == nil || ctx.Done() == s.heeded {
		return
	}
	s.unheed()
	s.heeded = ctx.Done()
	s.stopHeed = context.AfterFunc(ctx, func() {
		_ = s.bus.guarded(func() error {
			s.bus.region.bell.Wake(nudgeBit(s.record))
			return nil
		})
	})
}

func (s *Subscription) unheed() {
	if s.stopHeed != nil {
		s.stopHeed()
		s.stopHeed, s.heeded = nil, nil
	}
}

// dozed marks the sleeper, unless the subscription is closed.
func (s *Subscription) dozed() bool {
	for {
		st := s.state.Load()
		if st&closed != 0 {
			return false
		}
		if s.state.CompareAndSwap(st, st|asleep) {
			return true
		}
	}
}

// wakened takes the mark of the sleeper away, and returns what was marked.
func (s *Subscription) wakened() uint32 {
	for {
		st := s.state.Load()
		if s.state.CompareAndSwap(st, st&^asleep) {
			return st
		}
	}
}

// ready tells whether some lane has something to look at, or none ever will.
func (s *Subscription) ready() bool {
	if s.acks != nil {
		// An Ack of another goroutine may be moving the lanes.
		s.acks.mu.Lock()
		defer s.acks.mu.Unlock()
		// Pairs with the Add in groupChanged.
		if g := s.group; g != nil && g.epoch.Load() != g.seen {
			return true
		}
	}
	for _, l := range s.lanes {
		if l.has() {
			return true
		}
	}
	return s.ending.Load() && s.readToTheEnd()
}

// stirred is ready for a goroutine that watches for many sleepers.
func (s *Subscription) stirred() (ready bool) {
	err := s.bus.guard(func() error {
		ready = s.ready()
		return nil
	})
	return ready || err != nil || s.state.Load()&closed != 0
}

// over tells why a call must not wait any longer.
func (s *Subscription) over(w waitFor) error {
	if s.state.Load()&closed != 0 {
		return s.gone()
	}
	if w.ctx != nil {
		if err := ended(w.ctx); err != nil {
			return fmt.Errorf("subscription %s: %w", s.name, err)
		}
	}
	if w.deadline != 0 && shm.Now() >= w.deadline {
		return fmt.Errorf("subscription %s: %w", s.name, ErrTimeout)
	}
	return nil
}

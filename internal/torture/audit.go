package torture

import (
	"errors"
	"fmt"

	"github.com/rvoip/shmbus/bus"
)

// closeAccount adds up what a life of a producer has published, once it has ended.
func (s *supervisor) closeAccount(place int, life uint64) {
	if place >= producers {
		return
	}
	a := s.book.account(place, life)
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range lanes {
		s.closed[l].least += a.accepted(l).Load()
		s.closed[l].most += a.intent(l).Load()
	}
}

// quietly brings the run to a point where nothing goes on, and audits the whole:
// all processes are there and none is frozen, producers have paused, and all that
// was published has been received.
func (s *supervisor) quietly(last bool) error {
	if s.ended() {
		return nil
	}
	s.quiets++
	n := s.book.pause.Add(1)
	defer func() {
		if !last {
			s.book.pause.Add(1)
		}
	}()
	s.watch.rest(true)
	defer s.watch.rest(false)
	if err := s.await("all processes are ready", s.allReady); err != nil {
		return err
	}
	if err := s.await("all producers pause", func() error { return s.allPaused(n) }); err != nil {
		return err
	}
	if err := s.await("all is received", s.allReceived); err != nil {
		return err
	}
	if err := s.bus.Audit(); err != nil {
		return fmt.Errorf("slots: %w", err)
	}
	snap, err := s.bus.Snapshot()
	if err != nil {
		return err
	}
	return errors.Join(s.auditLanes(snap), s.auditTrackers())
}

func (s *supervisor) allReady() error {
	for _, seat := range s.seats {
		if seat.place.w[placeReady].Load() != seat.spec.Life {
			return fmt.Errorf("place %d is not", seat.number)
		}
	}
	return nil
}

func (s *supervisor) allPaused(n uint64) error {
	for _, seat := range s.seats[:producers] {
		if seat.place.w[placePaused].Load() != n {
			return fmt.Errorf("place %d does not", seat.number)
		}
	}
	return nil
}

// allReceived tells whether the dead have been recovered, and whether every
// subscription has come to the end of its lanes and finished what it got.
func (s *supervisor) allReceived() error {
	snap, err := s.bus.Snapshot()
	if err != nil {
		return err
	}
	if n := len(snap.Participants); n != len(s.seats)+1 {
		return fmt.Errorf("%d participants are there, not %d", n, len(s.seats)+1)
	}
	for _, p := range snap.Participants {
		if !p.Alive {
			return fmt.Errorf("process %d is dead and has not been recovered", p.PID)
		}
	}
	for _, row := range snap.Subscribers {
		if row.Depth > 0 {
			return fmt.Errorf("subscription %s of process %d has %d events before it on lane %s/%d", row.Name, row.PID, row.Depth, row.Lane, row.Shard)
		}
	}
	return nil
}

// auditLanes compares how many events each lane has had with the accounts of all
// producers. What lies between intent and acceptance at a kill may be there or not.
func (s *supervisor) auditLanes(snap bus.Snapshot) error {
	s.mu.Lock()
	all := s.closed
	s.mu.Unlock()
	var errs []error
	for l, info := range snap.Lanes {
		for p := range producers {
			a := s.book.account(p, s.book.places[p].w[placeLife].Load())
			all[l].least += a.accepted(l).Load()
			all[l].most += a.intent(l).Load()
		}
		if info.Tail < all[l].least || info.Tail > all[l].most {
			errs = append(errs, fmt.Errorf("lane %v has had %d events; %d were accepted, %d at most published", lanes[l], info.Tail, all[l].least, all[l].most))
		}
	}
	return errors.Join(errs...)
}

// auditTrackers checks that every subscription has got all events that it was not
// told to have missed, and was told of no more than it has not got.
func (s *supervisor) auditTrackers() error {
	var errs []error
	for _, seat := range s.seats[producers:] {
		if seat.spec.Group && seat.number != firstMember {
			continue // one page for all members
		}
		errs = append(errs, seat.spec.tracker(s.book).audit())
	}
	return errors.Join(errs...)
}

// audit is called while nothing goes on and all has been received.
func (t *tracker) audit() error {
	var errs []error
	var missing [maxLanes]span
	for l := range lanes {
		t.redo(t.pages[l])
		missing[l] = span{t.pages[l][pageLeast].Load(), t.pages[l][pageMost].Load()}
	}
	t.eachStamp(func(page lanePage, l, p, i int) {
		if t.group && lanes[l].Priority != bus.High {
			return
		}
		end := t.book.mark(p, l, account.accepted)
		least, known := t.book.between(p, l, t.residue(i), stamp(page.to(p, i).Load()), end)
		most, _ := t.book.between(p, l, t.residue(i), stamp(page.from(p, i).Load()), end)
		missing[l].least += least.least
		if missing[l].most += most.most; !known {
			missing[l].most += 1 << 32
			t.add(placeUnchecked, 1)
		}
	})
	for l := range lanes {
		told := t.pages[l][pageTold].Load()
		switch m := missing[l]; {
		case told < m.least:
			errs = append(errs, fmt.Errorf("the subscription of place %d, in its life %d, has not got %d events of lane %v that were accepted, and was told of %d",
				t.place, t.life, m.least, lanes[l], told))
		case told > m.most && t.key < 0:
			errs = append(errs, fmt.Errorf("the subscription of place %d, in its life %d, was told that it has missed %d events of lane %v, and has not got %d at most",
				t.place, t.life, told, lanes[l], m.most))
		}
	}
	return errors.Join(errs...)
}
